"""A newer version of the code: `place_order` with one more step, whose task goes to a queue that old workers serve."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from engine import Run, Step, Workflow, local_step
from tasks import orders, stock
from tasks.notifications import order_mails
from tasks.payments import charge


@local_step("orders.wrap")
def wrap(session: Session, runs: Sequence[Run]) -> None:
    """Do nothing but leave a step in the journal."""


@local_step("orders.unwrap")
def unwrap(session: Session, runs: Sequence[Run]) -> None:
    """Do nothing but leave an undo in the journal."""


place_order = Workflow(
    "place_order",
    Step("reserve_stock", do=stock.reserve, undo=stock.release),
    Step("wrap_gift", do=wrap, undo=unwrap),
    Step("charge_payment", do=charge.charge, undo=charge.refund),
    Step("confirm_order", do=orders.confirm, pivot=True),
    Step("notify_customer", do=order_mails.order_confirmed),
    on_failed=orders.close,
    deadline=3600.0,
)
