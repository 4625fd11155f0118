"""An order that is there and not paid for is paid for with something else."""

from __future__ import annotations

from config import settings
from engine import Step, Workflow
from tasks.payments import replace as paying

pay_order = Workflow(
    "pay_order",
    Step("withdraw_payment", do=paying.withdraw),
    Step("charge_payment", do=paying.charge, undo=paying.refund),
    Step("settle_order", do=paying.adopt, pivot=True),
    on_failed=paying.give_up,
    deadline=60.0 * settings().order_minutes,
)
