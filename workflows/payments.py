"""What staff do with a payment: take what was authorised, let go of it, give some of it back, ask how it stands."""

from __future__ import annotations

from engine import Step, Workflow
from tasks.notifications import order_mails
from tasks.payments import capture as payment_desk
from tasks.payments import charge as payments
from tasks.payments import verify as verifying

capture_payment = Workflow(
    "capture_payment",
    Step("begin", do=payment_desk.begin, pivot=True),  # from here only forward
    Step("capture_payment", do=payment_desk.capture),
    on_failed=payment_desk.resume,
)
void_payment = Workflow(
    "void_payment",
    Step("begin", do=payment_desk.begin, pivot=True),
    Step("void_payment", do=payment_desk.void),
    on_failed=payment_desk.resume,
)
refund_payment = Workflow(
    "refund_payment",
    Step("begin", do=payment_desk.begin, pivot=True),
    Step("refund_payment", do=payments.pay_back),
    Step("notify_customer", do=order_mails.refunded),
    on_failed=payment_desk.resume,
)
verify_payment = Workflow(
    "verify_payment",
    Step("ask_provider", do=verifying.verify, pivot=True),
    Step("return_late_money", do=verifying.return_late),
)
