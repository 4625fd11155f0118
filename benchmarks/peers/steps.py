"""The four steps of the peers, one order at a time: the shop's own SQL, by the same functions of `shop/` and `tasks/`.

Each is one transaction with the call to bank or mail server inside it. That holds a connection during the call, and
saves a commit before it; the idempotency key makes a repeated call harmless, so it is as safe.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy.orm import Session

from engine.claim import Run
from engine.plan import Plan, PlannedStep
from engine.steps import Answer, Done, StepTask
from shop.orders import orders
from shop.orders.states import Status
from shop.stock import reservations
from tasks.notifications import order_mails
from tasks.payments import charge as charging


def reserve(session: Session, order_id: str) -> None:
    assert not reservations.reserve(session, orders.wants(session, [order_id]))


def charge(session: Session, order_id: str) -> None:
    _call(session, charging.charge, order_id, "charge_payment")


def confirm(session: Session, order_id: str) -> None:
    assert not reservations.sell(session, [order_id])
    orders.move(session, [order_id], Status.CONFIRMED, "paid")


def notify(session: Session, order_id: str) -> None:
    _call(session, order_mails.order_confirmed, order_id, "notify_customer")


STEPS: tuple[Callable[[Session, str], None], ...] = (reserve, charge, confirm, notify)


def _call(session: Session, step: StepTask, order_id: str, name: str) -> None:
    """Run fetch, call and remember of the shop's remote step for one order."""
    assert step.fetch is not None
    assert step.call is not None
    assert step.remember is not None
    run = _alone(order_id, name)
    request = step.fetch(session, [run])[run.id]
    step.remember(session, [Answer(run, request, Done(step.call(request, run.key)))])


def _alone(order_id: str, step: str) -> Run:
    """Make a Run of this one order, as the shop's fetch and remember functions take it."""
    plan = Plan("peer", "peer", (PlannedStep(step, "", None, False),))
    fresh: dict[str, Any] = {"left": None, "troubled": None, "waiting_for": None, "trouble": None}
    return Run(order_id, plan, 0, "do", 0, 0, order_id, {}, None, False, False, False, False, 0, **fresh)
