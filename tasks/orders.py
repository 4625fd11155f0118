"""Steps that confirm orders, cancel them, and close those that failed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy.orm import Session

from engine import Result, Run, local_step, on_failed
from engine.outcomes import Refused
from shop.checkout import restore_cart
from shop.notices import failures
from shop.orders import orders
from shop.orders.states import Status
from shop.payments import payments
from shop.pricing import coupon_redemptions
from shop.stock import reservations


@local_step("orders.confirm")
def confirm(session: Session, runs: Sequence[Run]) -> Mapping[str, Result]:
    """Sell the reserved stock and confirm the orders; the pivot. Refused where the reservation has expired."""
    gone = reservations.sell(session, [run.subject_id for run in runs])
    sold = [run.subject_id for run in runs if run.subject_id not in gone]
    if sold:
        orders.move(session, sold, Status.CONFIRMED, "paid")
    return {run.id: _expired() for run in runs if run.subject_id in gone}


@on_failed("orders.close")
def close(session: Session, runs: Sequence[Run]) -> None:
    """Close the orders, whose steps are all undone: put their lines back into the carts and notify their customers."""
    codes = {run.subject_id: (run.error or {}).get("code", "") for run in runs}
    for id, code in codes.items():
        orders.move(session, [id], Status.CANCELLED if code == "cancelled" else Status.FAILED, code)
    closed = list(codes)
    payments.close(session, closed)
    restore_cart.restore(session, closed)
    failures.notify_customers(session, codes)


@local_step("orders.call_off")
def call_off(session: Session, runs: Sequence[Run]) -> Mapping[str, Result]:
    """Check that the orders are being cancelled; the pivot: from here the money is refunded in any case.

    Refused where the order is in another status.
    """
    status = orders.lock_statuses(session, [run.subject_id for run in runs])
    kept = [run for run in runs if status[run.subject_id] != Status.CANCELLING]
    return {run.id: Refused("illegal_state", f"the order is {status[run.subject_id]}") for run in kept}


@local_step("orders.cancel")
def cancel(session: Session, runs: Sequence[Run]) -> None:
    """Cancel the orders, whose money is refunded: restock the goods, never shipped, and release the coupons."""
    cancelled = [run.subject_id for run in runs]
    reservations.cancel_sale(session, orders.wants(session, cancelled))
    orders.move(session, cancelled, Status.CANCELLED, "called off")
    coupon_redemptions.release(session, cancelled)


@on_failed("orders.keep")
def keep(session: Session, runs: Sequence[Run]) -> None:
    """Confirm the orders again: nothing has been refunded yet."""
    status = orders.lock_statuses(session, [run.subject_id for run in runs])
    for run in runs:
        if status[run.subject_id] == Status.CANCELLING:
            orders.move(session, [run.subject_id], Status.CONFIRMED, (run.error or {}).get("code", ""))


def _expired() -> Refused:
    return Refused("reservation_expired", "the goods were not held any more when the payment had gone through")
