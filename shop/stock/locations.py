"""Locations of stock. `main` always exists: goods that name no other location lie in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import String, select, true
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.functions import statement_time, transaction_time
from db.schema import At, Base
from db.statements import for_update, upsert
from shop.kernel.errors import IllegalMove, Invalid, NotFound, Refusal

CODE_LENGTH = 40
MAIN = "main"


class LocationTaken(Refusal):
    """The code is in use."""

    code, title = "code_taken", "There is a location with this code"


class LocationRow(Base):
    """A location. One that is not `active` takes no more deliveries; what lies there is sold or moved away."""

    __tablename__ = "locations"

    code: Mapped[str] = mapped_column(String(CODE_LENGTH), primary_key=True)
    name: Mapped[str] = mapped_column(String(120))
    active: Mapped[bool] = mapped_column(default=True, server_default=true())
    created_at: Mapped[At] = mapped_column(default=transaction_time())
    updated_at: Mapped[At] = mapped_column(default=transaction_time())


def seed(session: Session) -> None:
    """Insert the location main unless it exists. A name that staff gave it stays."""
    session.execute(upsert(session, LocationRow).values(code=MAIN, name="Main").on_conflict_do_nothing())


def page(session: Session, *, limit: int, after: str | None) -> list[LocationRow]:
    """List locations by code, from behind the code `after`."""
    query = select(LocationRow).order_by(LocationRow.code).limit(limit)
    return list(session.scalars(query.where(LocationRow.code > after) if after else query))


def add(session: Session, values: Mapping[str, Any]) -> LocationRow:
    """Insert a location. Raises LocationTaken, also with two at once."""
    adding = upsert(session, LocationRow).values(**values).on_conflict_do_nothing()
    if session.scalars(adding.returning(LocationRow.code)).first() is None:
        raise LocationTaken(f"There is a location {values['code']} already.")
    return _hold(session, values["code"])


def change(session: Session, code: str, values: Mapping[str, Any]) -> LocationRow:
    """Lock and change a location. Raises NotFound, or IllegalMove when main would be closed."""
    row = _hold(session, code)
    if code == MAIN and not values.get("active", True):
        raise IllegalMove("What names no place lies in main: it can not be closed.")
    for name, value in values.items():
        setattr(row, name, value)
    row.updated_at = statement_time()
    session.flush()
    session.refresh(row)
    return row


def check(session: Session, code: str, field: str = "location", *, coming: bool = False) -> None:
    """Raise Invalid unless the location exists, IllegalMove when goods are `coming` to one that is closed.

    `field`: the field of the request that Invalid names.
    """
    row = None if code == MAIN else session.get(LocationRow, code)
    if row is None and code != MAIN:
        raise Invalid({field: ["There is no such location."]})
    if coming and row is not None and not row.active:
        raise IllegalMove(f"The location {code} takes no more goods.")


def _hold(session: Session, code: str) -> LocationRow:
    row = session.scalars(for_update(select(LocationRow).where(LocationRow.code == code))).first()
    if row is None:
        raise NotFound("There is no such location.")
    return row
