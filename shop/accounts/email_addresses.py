"""One spelling for each mailbox: an address is normalised first, then validated.

Stored: the part before the @ in NFKC and lower case, the domain as DNS has it (`xn--`, IDNA 2008 after UTS 46).
Shown: the domain in its own letters.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from hashlib import sha256

import idna

LONGEST = 254  # RFC 5321: a path of 256 octets, less its angle brackets
LONGEST_LOCAL = 64  # octets before the @
ATOM = r"[a-z0-9!#$%&'*+/=?^_`{|}~\x80-\U0010ffff-]+"
LOCAL = re.compile(rf'{ATOM}(\.{ATOM})*|"([\x20\x21\x23-\x5b\x5d-\x7e]|\\[\x20-\x7e])*"')
LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
DOMAIN = re.compile(rf"(?:{LABEL}\.)+(?![0-9]+\Z){LABEL}|localhost")
INVISIBLE = ("Cc", "Cf", "Cs", "Co", "Cn", "Zs", "Zl", "Zp")  # Unicode's: control, format, unassigned, spaces


class NotAnAddress(ValueError):
    """The text cannot be the address of a mailbox."""


def normal(text: str) -> str:
    """Normalise an address to its stored spelling without validating it: what is no address matches no row."""
    folded = spelled_before(text)
    local, at, domain = folded.rpartition("@")
    try:
        return f"{local}{at}{ascii_domain(domain)}"
    except NotAnAddress:
        return folded


def checked(text: str) -> str:
    """Validate an address and return its stored spelling. Raises NotAnAddress, also for a domain that IDNA refuses."""
    if len(text) > 4 * LONGEST:
        raise NotAnAddress("It is too long.")
    local, _, domain = spelled_before(text).rpartition("@")
    written = f"{local}@{ascii_domain(domain)}"
    if not LOCAL.fullmatch(local) or not DOMAIN.fullmatch(written[len(local) + 1 :]):
        raise NotAnAddress("Not a valid email address.")
    if any(unicodedata.category(mark) in INVISIBLE for mark in local if not mark.isascii()):
        raise NotAnAddress("Not a valid email address.")
    if len(local.encode()) > LONGEST_LOCAL or len(written.encode()) > LONGEST:
        raise NotAnAddress("It is too long.")
    return written


def spelled_before(text: str) -> str:
    """Normalise as rows were written before domains had one spelling: trimmed, NFKC, lower case."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text.strip()).lower())


def spellings(text: str) -> tuple[str, ...]:
    """List what may be stored of a mailbox: as it is written here, its one spelling, and that in the domain's letters.

    The first and the last are those of rows from before domains had one spelling.
    """
    return spelled_before(text), normal(text), shown(normal(text))


def hashed(address: str) -> str:
    """Hash a stored address with SHA-256, in hex: what is kept of a mailbox whose address is not kept."""
    return sha256(address.encode()).hexdigest()


def shown(address: str) -> str:
    """Format a stored address for people: the domain in its own letters."""
    local, at, domain = address.rpartition("@")
    return f"{local}{at}{_own_letters(domain)}"


def wire(address: str) -> str:
    """Format a stored address for SMTP: the domain in ASCII, also where the row has an older spelling."""
    local, at, domain = address.rpartition("@")
    try:
        return f"{local}{at}{ascii_domain(domain)}"
    except NotAnAddress:
        return address


@lru_cache(maxsize=4096)
def ascii_domain(domain: str) -> str:
    """Encode a domain as DNS has it (IDNA 2008), lower case. Raises NotAnAddress."""
    if domain.isascii() and "xn--" not in domain.lower():
        return domain.lower()
    try:
        return idna.encode(domain, uts46=True, std3_rules=True).decode()
    except (idna.IDNAError, UnicodeError) as error:
        raise NotAnAddress("Its domain is not one that can be registered (IDNA).") from error


@lru_cache(maxsize=4096)
def _own_letters(domain: str) -> str:
    try:
        return idna.decode(domain) if "xn--" in domain else domain
    except (idna.IDNAError, UnicodeError):
        return domain
