"""Something has happened, and somebody outside wants to hear of it."""

from __future__ import annotations

from engine import Step, Workflow
from tasks import webhooks

deliver_webhook = Workflow(
    "deliver_webhook",
    Step("post", do=webhooks.deliver),
    on_failed=webhooks.give_up,
)
