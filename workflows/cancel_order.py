"""Cancel a paid order before any of it has been shipped."""

from __future__ import annotations

from engine import Step, Workflow
from tasks import orders
from tasks.notifications import order_mails
from tasks.payments import charge

cancel_order = Workflow(
    "cancel_order",
    Step("call_off", do=orders.call_off, pivot=True),  # from here only forward
    Step("refund_payment", do=charge.pay_back),
    Step("cancel_order", do=orders.cancel),
    Step("notify_customer", do=order_mails.order_cancelled),
    on_failed=orders.keep,
)
