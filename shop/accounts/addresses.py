"""A user's address book. It holds at most one default address for each use."""

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
    """Add an address. The first one becomes the default for both uses unless `fields` says otherwise.

    Raises TooManyAddresses above MOST.
    """
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
    """Replace an address as a whole: fields not in `fields` become empty, the defaults stay unless given.

    Raises NotFound.
    """
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
    """Load one address of the user. Raises NotFound, also for the address of another user."""
    row = session.scalar(select(AddressRow).filter_by(id=id, user_id=user_id))
    if row is None:
        raise NotFound("There is no such address.")
    return row


def of(session: Session, user_id: str, *, limit: int = MOST, after: str | None = None) -> list[AddressRow]:
    """List the address book, oldest first, beginning above the id `after`."""
    query = select(AddressRow).filter_by(user_id=user_id).order_by(AddressRow.id).limit(limit)
    return list(session.scalars(query.where(AddressRow.id > after) if after else query))


def default_shipping(session: Session, user_id: str) -> AddressRow | None:
    """Load the default shipping address. None when the book has none."""
    return session.scalar(select(AddressRow).filter_by(user_id=user_id, default_shipping=True))


def remove(session: Session, user_id: str, id: str) -> None:
    """Delete one address of the user. Raises NotFound. Another default is not chosen."""
    session.delete(get(session, user_id, id))


def erase(session: Session, user_id: str) -> None:
    """Delete the whole address book."""
    session.execute(delete(AddressRow).where(AddressRow.user_id == user_id))


def postal(row: AddressRow) -> dict[str, str | None]:
    """Copy the postal fields for an order, so that a later change of the book does not redirect a parcel."""
    return {name: getattr(row, name) for name in POSTAL}


def postal_columns(prefix: str) -> list[ColumnElement[Any]]:
    """Return the fields of `postal` as SQL columns labelled with `prefix`."""
    return [getattr(AddressRow, name).label(f"{prefix}{name}") for name in POSTAL]


def _one_default(session: Session, row: AddressRow) -> None:
    for name in DEFAULTS:
        if getattr(row, name):
            others = (AddressRow.user_id == row.user_id, AddressRow.id != row.id)
            session.execute(update(AddressRow).where(*others).values({name: False}))


def _lock_book(session: Session, user_id: str) -> None:
    """Lock the user row, so that two changes of one address book cannot set two defaults side by side."""
    session.execute(select(UserRow.id).where(UserRow.id == user_id).with_for_update())
