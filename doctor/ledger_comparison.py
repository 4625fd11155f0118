"""Compare the shop's ledger with the sandbox bank's: the same orders, and the same amount of each.

An order is stored before the bank is charged. So an order that only the bank has was once stored here: a backup was
restored. One that only the shop has was charged at another account, or the bank has restored a backup of its own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from config import settings
from db.schema import is_id
from doctor import sandbox_ledger
from doctor.checks import invariant
from engine.states import FINAL
from engine.tables import RunRow
from shop.orders.orders import OrderRow
from shop.payments.payments import PaymentRow
from shop.reconciliation import reports

SHOWN = 5
SIGNS = {"capture": 1, "refund": -1}
PAGE = "docs/reconciliation.md#a-restored-backup"


class Held(NamedTuple):
    """The money of one order at the bank, in minor units, and the time of its last entry."""

    amount: int = 0
    at: str = ""

    def moved(self, entry: Mapping[str, Any]) -> Held:
        amount = self.amount + SIGNS.get(entry["kind"], 0) * entry["amount"]
        return Held(amount, max(self.at, str(entry.get("at", ""))))


@invariant("I4", "the bank's ledger and ours hold the same of each order, and know the same orders")
def ledgers_agree(session: Session) -> Iterator[str]:
    if settings().payment_provider != "sandbox":
        return
    known = set(session.scalars(select(OrderRow.id)))
    moving = set(session.scalars(select(RunRow.subject_id).where(RunRow.state.not_in(FINAL))))
    ours, theirs = _ours(session), _theirs()
    for order in sorted((theirs.keys() & known) - moving):  # with an open run the bank may be a step ahead
        if ours.get(order, 0) != theirs[order].amount:
            yield f"order {order}: {ours.get(order, 0)} here, {theirs[order].amount} at the bank"
    lost = theirs.keys() - known - reports.orders_looked_into(session)
    yield from _unknown_here({order: theirs[order] for order in lost if theirs[order].amount})
    yield from _unknown_there({order: ours[order] for order in ours.keys() - theirs.keys() - moving if ours[order]})


def _unknown_here(lost: Mapping[str, Held]) -> Iterator[str]:
    was_ours = {order: held for order, held in lost.items() if is_id(order)}
    if was_ours:
        times = sorted(held.at for held in was_ours.values())
        amount = sum(held.amount for held in was_ours.values())
        yield (
            f"{len(was_ours)} orders are unknown here of which the bank holds {amount}"
            f" (moved from {times[0]} to {times[-1]}): was a backup restored? {PAGE}; {_first(was_ours)}"
        )
    for reference in sorted(lost.keys() - was_ours.keys()):
        yield f"{reference!r}: {lost[reference].amount} at the bank, of nothing that we know"


def _unknown_there(lost: Mapping[str, int]) -> Iterator[str]:
    if lost:
        yield (
            f"{len(lost)} orders are unknown at the bank of which we hold {sum(lost.values())}: is it another account,"
            f" or was its ledger restored? {PAGE}; {_first(lost)}"
        )


def _first(orders: Mapping[str, Any]) -> str:
    return ", ".join(sorted(orders)[:SHOWN]) + (" ..." if len(orders) > SHOWN else "")


def _ours(session: Session) -> dict[str, int]:
    """Return captured minus refunded of each order by our ledger, for payments of the provider in use."""
    row = PaymentRow
    sums = select(row.order_id, func.sum(row.captured - row.refunded)).group_by(row.order_id)
    mine = session.execute(sums.where(row.provider == settings().payment_provider))
    return {order: int(amount) for order, amount in mine}


def _theirs() -> dict[str, Held]:
    found: dict[str, Held] = defaultdict(Held)
    for entry in sandbox_ledger.books()["entries"]:
        found[entry["reference"]] = found[entry["reference"]].moved(entry)
    return dict(found)
