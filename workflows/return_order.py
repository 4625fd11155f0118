"""Restock what a customer has sent back, and refund its share of the money."""

from __future__ import annotations

from engine import Step, Workflow
from tasks import returns
from tasks.notifications import order_mails
from tasks.payments import charge

return_order = Workflow(
    "return_order",
    Step("restock", do=returns.restock, pivot=True),  # from here only forward
    Step("refund_payment", do=charge.pay_back),
    Step("close_return", do=returns.close),
    Step("notify_customer", do=order_mails.refunded),
    on_failed=returns.reopen,
)
