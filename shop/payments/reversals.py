"""Open the reversals of payments: what to ask the provider for, where money was taken or may have been."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from engine.outcomes import Outcome, TryAgain
from shop.payments import offline, payments, refund_rows
from shop.payments.charge_requests import Reversal
from shop.payments.charges import lock_open
from shop.payments.payments import Status


def open_reversals(session: Session, keys: dict[str, str]) -> dict[str, Reversal | Outcome]:
    """Lock the payments of these orders and return by order what to reverse; `keys`: each order's idempotency key.

    Payments without a provider are reversed here, and may come back as Refused. TryAgain while staff refund a part.
    An order of which nothing was taken, or nothing is left to ask for, is left out.
    """
    return _back(session, lock_open(session, keys), keys)


def open_reversal(session: Session, payment_id: str, key: str) -> Reversal | Outcome | None:
    """Do as `open_reversals` for one payment; None: there is nothing to ask the provider for."""
    row = payments.lock_all(session, [payment_id])[payment_id]
    return _back(session, [row], {row.order_id: key}).get(row.order_id)


def open_releases(session: Session, keys: dict[str, str]) -> dict[str, Reversal | Outcome]:
    """Do as `open_reversals` for those of these orders of which nothing is captured: void what is authorised or open.

    TryAgain while staff capture or void the payment.
    """
    rows = [row for row in lock_open(session, keys) if not row.captured]
    busy = [row for row in rows if row.status in (Status.CAPTURING, Status.VOIDING)]
    found = _back(session, [row for row in rows if row not in busy], keys)
    return found | {row.order_id: TryAgain("payment_busy", after=1.0) for row in busy}


def _back(session: Session, rows: Sequence[Any], keys: dict[str, str]) -> dict[str, Reversal | Outcome]:
    """Reverse locked payments; a refund under way by staff is waited for, since it may be refused."""
    busy = [row for row in rows if row.captured and refund_rows.under_way(session, row)]
    found: dict[str, Reversal | Outcome] = {row.order_id: TryAgain("refund_under_way", after=1.0) for row in busy}
    free = [row for row in rows if row not in busy]
    found |= {row.order_id: _reversal(row) for row in free if _is_at_the_provider(row)}
    for row in free:
        by_card = row.method == "card" and row.amount
        why = None if by_card else offline.give_back(session, row, keys[row.order_id])
        if why:
            found[row.order_id] = why
    return found


_REVERSIBLE = (Status.CHARGING, Status.REQUIRES_ACTION, Status.AUTHORISED, Status.CAPTURED)


def _is_at_the_provider(row: Any) -> bool:
    return row.method == "card" and bool(row.charge_key) and row.status in _REVERSIBLE


def _reversal(row: Any) -> Reversal:
    left = row.captured - row.refunded - row.settled if row.status == Status.CAPTURED else row.amount
    return Reversal(row.id, row.order_id, row.status, left, row.currency, row.charge_key or "", row.provider_id)
