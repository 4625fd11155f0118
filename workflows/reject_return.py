"""Reject a customer's return, and tell them why."""

from __future__ import annotations

from engine import Step, Workflow
from tasks import returns
from tasks.notifications import order_mails

reject_return = Workflow(
    "reject_return",
    Step("reject_return", do=returns.reject, pivot=True),  # from here only forward
    Step("notify_customer", do=order_mails.return_rejected),
)
