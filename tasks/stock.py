"""Reserving stock for orders, and releasing it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy.orm import Session

from engine import Result, Run, local_step
from engine.outcomes import Refused
from shop.orders import orders
from shop.stock import reservations


@local_step("stock.reserve")
def reserve(session: Session, runs: Sequence[Run]) -> Mapping[str, Result]:
    """Reserve what the orders want; one that cannot be served as a whole is refused and reserves nothing."""
    run_of = {run.subject_id: run for run in runs}
    lacking = reservations.reserve(session, orders.wants(session, list(run_of)))
    return {run_of[order].id: _out_of_stock(left) for order, left in lacking.items()}


@local_step("stock.release")
def release(session: Session, runs: Sequence[Run]) -> None:
    """Release what the orders still have reserved."""
    reservations.release(session, [run.subject_id for run in runs])


def _out_of_stock(left: Mapping[str, int]) -> Refused:
    return Refused("out_of_stock", "; ".join(f"{max(0, n)} left of {sku}" for sku, n in sorted(left.items())))
