"""Remind a customer, who has consented to it, of an abandoned cart."""

from __future__ import annotations

from engine import Step, Workflow
from tasks.campaigns import sending

remind_of_cart = Workflow(
    "remind_of_cart",
    Step("remind", do=sending.remind),
    on_failed=sending.drop_reminder,
    deadline=24 * 3600.0,  # after a day a reminder is of no use
)
