"""Which orders are of the same person, for coupons and other limits per customer: docs/prices.md has the rule.

By account, by the address that an order names, and by the address of the account, whichever matches, in both
directions. For an erased account keyed hashes of these are kept, from which no address can be read.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from shop.accounts import email_addresses, users
from shop.accounts.users import UserRow
from shop.kernel import keys
from shop.kernel.keys import Purpose

MARK = "mark:"  # no address begins so


@dataclass(frozen=True)
class Person:
    """The identity behind an order. `holder_id`: the account that has the address that a guest named."""

    customer_id: str | None
    email: str
    account_email: str | None = None
    holder_id: str | None = None

    @property
    def signs(self) -> frozenset[str]:
        """List what identifies the person: two with one of these in common are the same."""
        return frozenset(filter(None, (self.customer_id, self.holder_id, self.email, self.account_email)))


def mark(address: str | None) -> str | None:
    """Hash an address to what is kept of it when its owner's account is erased. A mark comes back as it is."""
    if address is None or address.startswith(MARK):
        return address
    return _mark(keys.signing(Purpose.PERSON), sign(address))


def sign(address: str) -> str:
    """Spell an address as it is stored and compared: normalised, and folded."""
    return users.normal(address).casefold()


def spellings(address: str) -> frozenset[str]:
    """List what may be stored of an address: its sign, and the spelling from before domains had one."""
    return frozenset((sign(address), email_addresses.shown(sign(address))))


def aliases(address: str | None) -> list[str]:
    """List what may be stored instead of a sign: the spelling from before domains had one, and its marks."""
    return [*({email_addresses.shown(address)} - {address}), *marks(address)] if address else []


def marks(address: str | None) -> list[str]:
    """List every mark that may be stored for an address, the newest first: the secret may have been rotated since."""
    return [_mark(key, address) for key in keys.accepted(Purpose.PERSON)] if address else []


def account(session: Session, id: str) -> Person:
    """Return the Person of an account, by its address alone. Raises NotFound."""
    address = sign(users.get(session, id).email or "")
    return Person(id, address, address)


def known(session: Session, wanted: Iterable[tuple[str | None, str]]) -> list[Person]:
    """Identify the person behind each (account or None, address that was named), in their order."""
    named = [(customer, users.normal(address)) for customer, address in wanted]
    accounts = _accounts(session, named)
    holders = {address: id for id, address in accounts.items()}
    return [_person(customer, sign(address), accounts, holders) for customer, address in named]


Accounts = Mapping[str, str]


def _mark(key: bytes, address: str) -> str:
    return MARK + hmac.new(key, f"same person:{address}".encode(), hashlib.sha256).hexdigest()


def _person(customer: str | None, address: str, accounts: Accounts, holders: Accounts) -> Person:
    return Person(customer, address, accounts.get(customer or ""), holders.get(address))


def _accounts(session: Session, named: list[tuple[str | None, str]]) -> Accounts:
    """Load the signs of all accounts named by id or by address, in whichever spelling they are stored."""
    ids = {one for one, _ in named if one}
    addresses = {spelling for _, address in named for spelling in email_addresses.spellings(address)}
    theirs = select(UserRow.id, UserRow.email).where(or_(UserRow.id.in_(ids), UserRow.email.in_(addresses)))
    found = [(id, email, sign(email)) for id, email in session.execute(theirs) if email]
    found.sort(key=lambda one: one[1] == one[2])  # of two that collided the one in today's spelling holds the address
    return {id: spelled for id, _, spelled in found}
