"""Finding and defusing text that a mail program would turn into a link, in words that a stranger may have chosen."""

from __future__ import annotations

import re
import unicodedata

_ENDS = """
com net org info biz io co app dev xyz top shop online site club link click live me tv cc ru cn us uk eu example store
space website fun pro vip win bid loan work life today world cloud tech page gg ly to gl sh рф 公司 网络 中国 在线 網路
"""
COMMON = frozenset(_ENDS.split())
"""Ends of domains that make links however they are written. Others do only in lower case: St.John is a name."""

SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:/|(?:mailto|javascript|data|tel|sms):\S|www\.", re.IGNORECASE)
DOTTED = re.compile(r"(?<![\w.-])((?:[\w-]+\.)+)([^\W\d_]{2,}|xn--[a-z0-9-]+)(?![\w-])")
UNSEEN = re.compile("[\u00ad\u034f\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]")
"""Characters that a reader does not see, and a mail program may leave out of an address."""
NUMBERS = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.])")
MAILBOX = re.compile(r"[^\s@]@[^\s@]")


def holds_link(text: str) -> bool:
    """Tell whether a mail program might turn some of the text into a link."""
    text = _plain(text)
    if SCHEME.search(text) or NUMBERS.search(text) or MAILBOX.search(text):
        return True
    return any(_is_domain(found) for found in DOTTED.finditer(text))


def defanged(text: str) -> str:
    """Rewrite text so that no mail program makes a link of it; text without one comes back unchanged."""
    if not holds_link(text):
        return text
    dead = DOTTED.sub(lambda found: found[0].replace(".", "[.]") if _is_domain(found) else found[0], _plain(text))
    dead = NUMBERS.sub(lambda found: found[0].replace(".", "[.]"), dead)
    return re.sub(r"(?i)www\.", "www[.]", dead).replace(":", "[:]").replace("@", "[at]")


def _is_domain(found: re.Match[str]) -> bool:
    """Tell a domain from a name: `m.de Vries` and `u.Co` are names, `evil.example` and EVIL.COM are domains."""
    before, end = found[1].rstrip(".").rpartition(".")[2], found[2]
    if end.casefold() in COMMON:
        return len(before) > 1 or not end.istitle()
    return end.startswith("xn--") or (end.islower() and len(before) > 1)


def _plain(text: str) -> str:
    """Normalise text: full stops of other scripts lead to the same places, and so does text with invisible joiners."""
    return UNSEEN.sub("", unicodedata.normalize("NFKC", text)).translate({0x3002: ".", 0xFF61: "."})
