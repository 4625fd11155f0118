"""Turn a cart into a paid, confirmed order."""

from __future__ import annotations

from config import settings
from engine import Step, Workflow
from tasks import orders, stock
from tasks.notifications import order_mails
from tasks.payments import charge

place_order = Workflow(
    "place_order",
    Step("reserve_stock", do=stock.reserve, undo=stock.release),
    Step("charge_payment", do=charge.charge, undo=charge.refund),
    Step("confirm_order", do=orders.confirm, pivot=True),  # from here only forward
    Step("notify_customer", do=order_mails.order_confirmed),
    on_failed=orders.close,
    deadline=60.0 * (settings().order_minutes + settings().payment_retry_minutes),
)
