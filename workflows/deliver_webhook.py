"""Deliver a domain event to an endpoint."""

from __future__ import annotations

from engine import Step, Workflow
from tasks import webhooks

deliver_webhook = Workflow(
    "deliver_webhook",
    Step("post", do=webhooks.deliver),
    on_failed=webhooks.give_up,
)
