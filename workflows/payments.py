"""Actions of staff on a payment: capture it, void it, refund some of it, verify it with the provider."""

from __future__ import annotations

from engine import Step, Workflow
from tasks.notifications import order_mails
from tasks.payments import capture, charge, verify

capture_payment = Workflow(
    "capture_payment",
    Step("begin", do=capture.begin, pivot=True),  # from here only forward
    Step("capture_payment", do=capture.capture),
    on_failed=capture.resume,
)
void_payment = Workflow(
    "void_payment",
    Step("begin", do=capture.begin, pivot=True),
    Step("void_payment", do=capture.void),
    on_failed=capture.resume,
)
refund_payment = Workflow(
    "refund_payment",
    Step("begin", do=capture.begin, pivot=True),
    Step("refund_payment", do=charge.pay_back),
    Step("notify_customer", do=order_mails.refunded),
    on_failed=capture.resume,
)
verify_payment = Workflow(
    "verify_payment",
    Step("ask_provider", do=verify.verify, pivot=True),
    Step("return_late_money", do=verify.return_late),
)
