"""Pay an unpaid order with another payment than its first."""

from __future__ import annotations

from config import settings
from engine import Step, Workflow
from tasks.payments import replace

pay_order = Workflow(
    "pay_order",
    Step("withdraw_payment", do=replace.withdraw),
    Step("charge_payment", do=replace.charge, undo=replace.refund),
    Step("settle_order", do=replace.adopt, pivot=True),
    on_failed=replace.give_up,
    deadline=60.0 * settings().order_minutes,
)
