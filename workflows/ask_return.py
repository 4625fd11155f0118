"""A customer wants to send something back: it is the shop's turn then, and the customer is told how it goes on."""

from __future__ import annotations

from engine import Step, Workflow
from tasks import notifications, returns

ask_return = Workflow(
    "ask_return",
    Step("accept_request", do=returns.accept, pivot=True),  # until then it can be withdrawn
    Step("notify_customer", do=notifications.return_asked),
    on_failed=returns.withdraw,
)
