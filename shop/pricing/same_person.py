"""Who is the same person, for coupons and whatever else has a limit for each: docs/prices.md says the rule.

By account, by the address that an order names, and by the address of the account, whichever matches, in both
directions. Whoever has left is known by a keyed hash of these: nobody can read an address out of it.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from shop.accounts import users
from shop.accounts.users import UserRow
from shop.kernel import keys
from shop.kernel.keys import Purpose

MARK = "mark:"  # no address begins so


@dataclass(frozen=True)
class Person:
    """`holder_id`: whose account has the address that a guest named."""

    customer_id: str | None
    email: str
    account_email: str | None = None
    holder_id: str | None = None

    @property
    def signs(self) -> frozenset[str]:
        """Two with one of these in common are the same."""
        return frozenset(filter(None, (self.customer_id, self.holder_id, self.email, self.account_email)))


def mark(address: str | None) -> str | None:
    """What is kept of an address when its owner has left; a mark stays as it is."""
    if address is None or address.startswith(MARK):
        return address
    return _mark(keys.signing(Purpose.PERSON), address)


def marks(address: str | None) -> list[str]:
    """Every mark of it that may be kept, the newest first: the secret may have been changed since its owner left."""
    return [_mark(key, address) for key in keys.accepted(Purpose.PERSON)] if address else []


def account(session: Session, id: str) -> Person:
    """Whoever has this account, by its address alone. NotFound."""
    address = (users.get(session, id).email or "").casefold()
    return Person(id, address, address)


def known(session: Session, wanted: Iterable[tuple[str | None, str]]) -> list[Person]:
    """For each account, if there is one, and the address that was named beside it."""
    named = [(customer, users.normal(address)) for customer, address in wanted]
    accounts = _accounts(session, named)
    holders = {address: id for id, address in accounts.items()}
    return [_person(customer, address.casefold(), accounts, holders) for customer, address in named]


Accounts = Mapping[str, str]


def _mark(key: bytes, address: str) -> str:
    return MARK + hmac.new(key, f"same person:{address}".encode(), hashlib.sha256).hexdigest()


def _person(customer: str | None, address: str, accounts: Accounts, holders: Accounts) -> Person:
    return Person(customer, address, accounts.get(customer or ""), holders.get(address))


def _accounts(session: Session, named: list[tuple[str | None, str]]) -> Accounts:
    """The addresses of those who are named by account or by address, folded."""
    ids, addresses = {one for one, _ in named if one}, {address for _, address in named}
    theirs = select(UserRow.id, UserRow.email).where(or_(UserRow.id.in_(ids), UserRow.email.in_(addresses)))
    return {id: email.casefold() for id, email in session.execute(theirs) if email}
