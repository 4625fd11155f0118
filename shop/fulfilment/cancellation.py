"""Cancel orders: a run that is placing the order turns back; a confirmed order gets a run of `cancel_order`."""

from __future__ import annotations

from sqlalchemy.orm import Session

import engine
from db.schema import new_id
from engine import NotPossible, jobs
from shop.fulfilment import parcels
from shop.kernel.errors import IllegalMove
from shop.orders import orders
from shop.orders.orders import OrderRow
from shop.orders.states import Status

CANCEL, PLACE = engine.Named("cancel_order"), engine.Named("place_order")


def call_off(session: Session, order: OrderRow, by: str) -> str:
    """Cancel the order. Returns the id of the run that does it: the one that was placing it, or one of its own.

    by: the caller, as the run records it. Raises IllegalMove when the order is closed or in a parcel, NotPossible when
    the run under way cannot turn back. Safe to repeat: a cancellation under way is returned.
    """
    return (order.status == Status.PENDING and _turn_back(session, order)) or _give_back(session, order.id, by)


def _turn_back(session: Session, order: OrderRow) -> str | None:
    """Turn back the run that places the order and return its id; None: the order was confirmed meanwhile.

    Runs are locked before orders, as the engine's steps do.
    """
    live = engine.live_runs(session, ("order", order.id), PLACE.name)
    if not live:
        return None
    try:
        engine.cancel(session, live[-1])
    except NotPossible:
        session.refresh(order)
        if order.status == Status.CONFIRMED:
            return None
        raise
    return live[-1]


def _give_back(session: Session, id: str, by: str) -> str:
    """Start `cancel_order` under the lock of the order, so that two at once start one run."""
    order = orders.lock(session, id)
    if order.status == Status.CANCELLING:
        return _under_way(session, id)
    if order.status != Status.CONFIRMED:
        raise IllegalMove(f"The order is {order.status}; there is nothing that could be called off.")
    parcels.check_none(session, id)
    orders.move(session, [id], Status.CANCELLING, "called off")
    return engine.start(session, CANCEL, key=new_id(), subject=("order", id), by=by).id


def _under_way(session: Session, id: str) -> str:
    return [job.id for job in jobs.about(session, ("order", id)) if job.workflow == CANCEL.name][-1]
