"""A user's address book: at most one default for each use, and nobody else's."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, ForeignKey, String, delete, func, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.functions import transaction_time
from db.schema import At, Base, Id, new_id
from shop.accounts.users import UserRow
from shop.kernel.errors import NotFound, Refusal

MOST = 50
DEFAULTS = ("default_shipping", "default_billing")


class TooManyAddresses(Refusal):
    code, title = "too_many_addresses", "The address book is full"


class AddressRow(Base):
    __tablename__ = "addresses"

    id: Mapped[Id] = mapped_column(primary_key=True)
    user_id: Mapped[Id] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(100))
    line1: Mapped[str] = mapped_column(String(200))
    line2: Mapped[str | None] = mapped_column(String(200))
    city: Mapped[str | None] = mapped_column(String(100))
    region: Mapped[str | None] = mapped_column(String(100))
    postal_code: Mapped[str | None] = mapped_column(String(20))
    country: Mapped[str] = mapped_column(String(2))
    phone: Mapped[str | None] = mapped_column(String(32))
    default_shipping: Mapped[bool] = mapped_column(default=False)
    default_billing: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[At] = mapped_column(default=transaction_time())
    updated_at: Mapped[At] = mapped_column(default=transaction_time(), onupdate=transaction_time())


POSTAL = ("name", "line1", "line2", "city", "region", "postal_code", "country", "phone")


def add(session: Session, user_id: str, fields: dict[str, Any]) -> AddressRow:
    """The first one is the default for everything unless it says otherwise."""
    _lock_book(session, user_id)
    there = session.scalar(select(func.count()).where(AddressRow.user_id == user_id)) or 0
    if there >= MOST:
        raise TooManyAddresses(f"An address book holds {MOST} addresses.")
    first = dict.fromkeys(DEFAULTS, True) if not there else {}
    row = AddressRow(id=new_id(), user_id=user_id, **(first | fields))
    _one_default(session, row)
    session.add(row)
    session.flush()
    return row


def replace(session: Session, user_id: str, id: str, fields: dict[str, Any]) -> AddressRow:
    """All of it anew; what is not said is empty. The defaults stay unless they are said."""
    _lock_book(session, user_id)
    row = get(session, user_id, id)
    for name in POSTAL:
        setattr(row, name, fields.get(name))
    for name in DEFAULTS:
        setattr(row, name, fields.get(name, getattr(row, name)))
    _one_default(session, row)
    session.flush()
    return row


def get(session: Session, user_id: str, id: str) -> AddressRow:
    row = session.scalar(select(AddressRow).filter_by(id=id, user_id=user_id))
    if row is None:
        raise NotFound("There is no such address.")
    return row


def of(session: Session, user_id: str, *, limit: int = MOST, after: str | None = None) -> list[AddressRow]:
    """Oldest first, from above the id `after`."""
    query = select(AddressRow).filter_by(user_id=user_id).order_by(AddressRow.id).limit(limit)
    return list(session.scalars(query.where(AddressRow.id > after) if after else query))


def default_shipping(session: Session, user_id: str) -> AddressRow | None:
    """Where this user's parcels go when nothing else is said; None when the book names no such address."""
    return session.scalar(select(AddressRow).filter_by(user_id=user_id, default_shipping=True))


def remove(session: Session, user_id: str, id: str) -> None:
    session.delete(get(session, user_id, id))


def erase(session: Session, user_id: str) -> None:
    session.execute(delete(AddressRow).where(AddressRow.user_id == user_id))


def postal(row: AddressRow) -> dict[str, str | None]:
    """As an order keeps it: a copy, so that a later change of the book does not move a parcel."""
    return {name: getattr(row, name) for name in POSTAL}


def postal_columns(prefix: str) -> list[ColumnElement[Any]]:
    """What `postal` gives, as columns under other names."""
    return [getattr(AddressRow, name).label(f"{prefix}{name}") for name in POSTAL]


def _one_default(session: Session, row: AddressRow) -> None:
    for name in DEFAULTS:
        if getattr(row, name):
            others = (AddressRow.user_id == row.user_id, AddressRow.id != row.id)
            session.execute(update(AddressRow).where(*others).values({name: False}))


def _lock_book(session: Session, user_id: str) -> None:
    """One change of a book at a time, so that two defaults cannot slip in side by side."""
    session.execute(select(UserRow.id).where(UserRow.id == user_id).with_for_update())
