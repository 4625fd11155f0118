"""Who asked to be told when a SKU is here again: one mail for each, after which it is used up.

Waiting, then `telling` while a run of its own hands the mail over; back to waiting if it was not true any more by then.
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
"""So many are let go in one transaction."""


class State(StrEnum):
    WAITING = "waiting"
    TELLING = "telling"  # a run hands its mail over


class StockAlertRow(Base):
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
    """What is here again, and who is told."""

    id: str
    who: Recipient
    goods: str
    slug: str


TELL = engine.Named("tell_of_stock")


def wake(session: Session, events: Mapping[str, str]) -> None:
    """These SKUs have come in. `events`: by SKU the id of the event that says so."""
    waited_for = execute_core(session, _WAITED_FOR, {"skus": sorted(events)}).scalars().all() if events else []
    for sku in sorted(waited_for):
        event = events[sku]
        engine.start(session, TELL, key=event, subject=("stock_event", event), input={"sku": sku})


def release(session: Session, sku: str) -> list[str]:
    """Some of those who wait for it and may be told are being told from now on. Returns their alerts' ids."""
    row = StockAlertRow
    waiting = select(row.id).join(UserRow, UserRow.id == row.user_id).where(row.sku == sku, row.state == State.WAITING)
    some = waiting.where(eligibility.reachable(Topic.BACK_IN_STOCK)).order_by(row.id).limit(TOGETHER)
    ids = list(session.scalars(for_update(some, of=row)))
    _turn(session, ids, State.TELLING)
    return ids


def take(session: Session, ids: Sequence[str]) -> dict[str, Alert]:
    """What is still true, by id. The others wait again: it is gone, or they do not want to hear of it now."""
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
    """They were told."""
    row = StockAlertRow
    session.execute(delete(row).where(row.id.in_(ids)).execution_options(synchronize_session=False))


def erase(session: Session, user_id: str) -> None:
    session.execute(delete(StockAlertRow).where(StockAlertRow.user_id == user_id))


def export_for(session: Session, user_id: str) -> list[dict[str, Any]]:
    """For the export: what they wait for."""
    row = StockAlertRow
    rows = session.execute(select(row.sku, row.created_at).where(row.user_id == user_id).order_by(row.id))
    return [dict(one._mapping) for one in rows]


def _turn(session: Session, ids: Sequence[str], state: State) -> None:
    if ids:
        turned = update(StockAlertRow).where(StockAlertRow.id.in_(ids)).values(state=state)
        session.execute(turned.execution_options(synchronize_session=False))


def _here(session: Session, skus: Collection[str]) -> set[str]:
    """Those of which some can be had. What seems to be gone is asked for once more under the lock that whoever brings
    it in takes: an alert that waits again then waits for what comes in afterwards."""
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
