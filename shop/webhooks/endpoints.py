"""Webhook endpoints: their addresses, the events they subscribe to, and the secrets that sign what is sent to them."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence
from typing import Any

from sqlalchemy import String, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.functions import in_seconds, statement_time, transaction_time
from db.schema import DOCUMENT, At, Base, Id, new_id
from shop.kernel.errors import NotFound

SECRET_BYTES = 24
BOTH_HOURS = 24.0  # after a rotation both secrets sign, so that the receiver can change over in peace


class EndpointRow(Base):
    """One endpoint. `events`: names, `order.*` for all of a noun, `*` for everything.

    Disabled by staff, by a 410, or after failing.
    """

    __tablename__ = "webhook_endpoints"

    id: Mapped[Id] = mapped_column(primary_key=True)
    url: Mapped[str] = mapped_column(String(500))
    description: Mapped[str] = mapped_column(String(200), default="")
    events: Mapped[list[str]] = mapped_column(DOCUMENT)
    secret: Mapped[str] = mapped_column(String(100))
    old_secret: Mapped[str | None] = mapped_column(String(100))
    old_secret_until: Mapped[At | None]
    disabled_at: Mapped[At | None]
    disabled_why: Mapped[str | None] = mapped_column(String(40))
    created_by: Mapped[Id]
    created_at: Mapped[At] = mapped_column(default=transaction_time())
    updated_at: Mapped[At] = mapped_column(default=transaction_time())


def listens(events: Sequence[str], kind: str) -> bool:
    """Tell whether a subscription to `events` includes this kind."""
    noun = kind.split(".", maxsplit=1)[0]
    return any(one in ("*", f"{noun}.*", kind) for one in events)


def make(session: Session, values: dict[str, Any], by: str) -> EndpointRow:
    """Create an endpoint with a new secret. `by`: the id of the staff user."""
    row = EndpointRow(id=new_id(), secret=_secret(), created_by=by, **values)
    session.add(row)
    return _written(session, row)


def get(session: Session, id: str, *, lock: bool = False) -> EndpointRow:
    """Load an endpoint; `lock` it FOR NO KEY UPDATE. Raises NotFound."""
    row = session.get(EndpointRow, id, with_for_update={"key_share": True} if lock else None)
    if row is None:
        raise NotFound("There is no such webhook endpoint.")
    return row


def listed(session: Session, *, limit: int, before: str | None) -> list[EndpointRow]:
    """List endpoints, newest first, beginning below the id `before`."""
    query = select(EndpointRow).order_by(EndpointRow.id.desc()).limit(limit)
    return list(session.scalars(query.where(EndpointRow.id < before) if before else query))


def change(session: Session, row: EndpointRow, values: dict[str, Any]) -> EndpointRow:
    """Change an endpoint. `enabled` and `rotate_secret` are actions; every other name in `values` is a column.

    After a rotation the old secret signs too, for BOTH_HOURS.
    """
    wishes = dict(values)
    enabled, rotate = wishes.pop("enabled", None), wishes.pop("rotate_secret", False)
    for name, value in wishes.items():
        setattr(row, name, value)
    if enabled is not None:
        row.disabled_at, row.disabled_why = (None, None) if enabled else (statement_time(), "by_staff")
    if rotate:
        row.old_secret, row.old_secret_until = row.secret, in_seconds(3600.0 * BOTH_HOURS)
        row.secret = _secret()
    row.updated_at = statement_time()
    return _written(session, row)


def remove(session: Session, row: EndpointRow) -> None:
    """Delete an endpoint and the log of its deliveries; pending ones are not sent any more."""
    session.delete(row)
    session.flush()


def disable(session: Session, id: str, why: str) -> bool:
    """Disable an endpoint. Returns False if it was disabled already or is gone."""
    disabling = update(EndpointRow).where(EndpointRow.id == id, EndpointRow.disabled_at.is_(None))
    values = {"disabled_at": statement_time(), "disabled_why": why, "updated_at": statement_time()}
    return session.scalar(disabling.values(values).returning(EndpointRow.id)) is not None


def _secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def _written(session: Session, row: EndpointRow) -> EndpointRow:
    session.flush()
    session.refresh(row)
    return row
