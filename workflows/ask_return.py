"""Accept a customer's request to return goods, and mail them how it goes on."""

from __future__ import annotations

from engine import Step, Workflow
from tasks import returns
from tasks.notifications import order_mails

ask_return = Workflow(
    "ask_return",
    Step("accept_request", do=returns.accept, pivot=True),  # until then it can be withdrawn
    Step("notify_customer", do=order_mails.return_asked),
    on_failed=returns.withdraw,
)
