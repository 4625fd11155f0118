"""Stock alerts: one mail for each customer who waits for a SKU, after which the alert is deleted.

An alert waits, then is `telling` while a run of its own hands the mail over; it waits again if the SKU is gone by then.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, delete, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

import engine
from db.functions import in_list, transaction_time
from db.schema import At, Base, Id, new_id
from db.statements import execute_core, for_update
from shop.accounts.users import UserRow
from shop.catalogue.tables import ProductRow, VariantRow
from shop.consent import eligibility
from shop.consent.eligibility import Recipient
from shop.consent.topics import Topic
from shop.kernel.skus import SKU_LENGTH
from shop.stock.tables import StockRow

TOGETHER = 200
"""How many alerts are released in one transaction."""


class State(StrEnum):
    """The state of a stock alert."""

    WAITING = "waiting"
    TELLING = "telling"  # a run hands its mail over


class StockAlertRow(Base):
    """A customer's wish for one mail when a SKU is in stock again."""

    __tablename__ = "stock_alerts"
    __table_args__ = (
        Index("uq_stock_alerts_user", "user_id", "sku", unique=True),
        Index("ix_stock_alerts_sku", "sku", "state", "id"),
    )

    id: Mapped[Id] = mapped_column(primary_key=True, default=new_id)
    user_id: Mapped[Id] = mapped_column(ForeignKey("users.id"))
    sku: Mapped[str] = mapped_column(String(SKU_LENGTH), ForeignKey("variants.sku"))
    state: Mapped[str] = mapped_column(String(10), default=State.WAITING)
    created_at: Mapped[At] = mapped_column(default=transaction_time())


@dataclass(frozen=True)
class Alert:
    """An alert to send: the recipient, the name of the goods, and the slug of their product."""

    id: str
    who: Recipient
    goods: str
    slug: str


TELL = engine.Named("tell_of_stock")


def wake(session: Session, events: Mapping[str, str]) -> None:
    """Start a run for each of these SKUs that an alert waits for; `events`: by SKU the id of its `back_in_stock`.

    The event's id is the run's idempotency key: one run for each event.
    """
    waited_for = execute_core(session, _WAITED_FOR, {"skus": sorted(events)}).scalars().all() if events else []
    for sku in sorted(waited_for):
        event = events[sku]
        engine.start(session, TELL, key=event, subject=("stock_event", event), input={"sku": sku})


def release(session: Session, sku: str) -> list[str]:
    """Lock up to TOGETHER waiting alerts of reachable customers, oldest first, and set them to `telling`.

    Returns their ids.
    """
    row = StockAlertRow
    waiting = select(row.id).join(UserRow, UserRow.id == row.user_id).where(row.sku == sku, row.state == State.WAITING)
    some = waiting.where(eligibility.reachable(Topic.BACK_IN_STOCK)).order_by(row.id).limit(TOGETHER)
    ids = list(session.scalars(for_update(some, of=row)))
    _turn(session, ids, State.TELLING)
    return ids


def take(session: Session, ids: Sequence[str]) -> dict[str, Alert]:
    """Return by id those of these alerts that are to be sent. The others wait again.

    Left out: the SKU is gone again or no longer sold, the customer does not want such mail now, or the alert is not
    `telling`.
    """
    found = session.execute(_ALERTS, {"ids": list(ids)}).all()
    people = eligibility.recipients(session, [one.user_id for one in found], Topic.BACK_IN_STOCK)
    here = _here(session, {one.sku for one in found})
    true = [one for one in found if one.sku in here and one.user_id in people]
    taken = {one.id: Alert(one.id, people[one.user_id], f"{one.name} {one.variant}".strip(), one.slug) for one in true}
    wait_again(session, [id for id in ids if id not in taken])
    return taken


def wait_again(session: Session, ids: Sequence[str]) -> None:
    _turn(session, ids, State.WAITING)


def use_up(session: Session, ids: Sequence[str]) -> None:
    """Delete alerts whose mail was handed over."""
    row = StockAlertRow
    session.execute(delete(row).where(row.id.in_(ids)).execution_options(synchronize_session=False))


def erase(session: Session, user_id: str) -> None:
    session.execute(delete(StockAlertRow).where(StockAlertRow.user_id == user_id))


def export_for(session: Session, user_id: str) -> list[dict[str, Any]]:
    """Return the customer's alerts for the export, oldest first."""
    row = StockAlertRow
    rows = session.execute(select(row.sku, row.created_at).where(row.user_id == user_id).order_by(row.id))
    return [dict(one._mapping) for one in rows]


def _turn(session: Session, ids: Sequence[str], state: State) -> None:
    if ids:
        turned = update(StockAlertRow).where(StockAlertRow.id.in_(ids)).values(state=state)
        session.execute(turned.execution_options(synchronize_session=False))


def _here(session: Session, skus: Collection[str]) -> set[str]:
    """Return the SKUs of which some can be had. Those that seem gone are asked for again under the lock that goods
    coming in take, so that an alert that waits again misses nothing."""
    here = set(session.scalars(_HERE, {"skus": sorted(skus)}))
    gone = sorted(set(skus) - here)
    locked = select(StockRow.sku).where(in_list(StockRow.sku, "skus")).order_by(StockRow.sku).with_for_update(read=True)
    if gone and session.scalars(locked, {"skus": gone}).all():
        here |= set(session.scalars(_HERE, {"skus": gone}))
    return here


_WAITED_FOR = (
    select(StockAlertRow.sku).where(in_list(StockAlertRow.sku, "skus"), StockAlertRow.state == State.WAITING).distinct()
)
_HERE = select(StockRow.sku).where(in_list(StockRow.sku, "skus"), StockRow.on_hand > StockRow.reserved)
_ALERTS = (
    select(
        StockAlertRow.id,
        StockAlertRow.user_id,
        StockAlertRow.sku,
        ProductRow.name,
        VariantRow.name.label("variant"),
        ProductRow.slug,
    )
    .join(VariantRow, VariantRow.sku == StockAlertRow.sku)
    .join(ProductRow, ProductRow.id == VariantRow.product_id)
    .where(in_list(StockAlertRow.id, "ids"), StockAlertRow.state == State.TELLING, ProductRow.status == "active")
)
