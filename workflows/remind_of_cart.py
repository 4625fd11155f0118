"""A cart was left for a while, and its owner has asked to be reminded of such."""

from __future__ import annotations

from engine import Step, Workflow
from tasks.campaigns import sending

remind_of_cart = Workflow(
    "remind_of_cart",
    Step("remind", do=sending.remind),
    on_failed=sending.drop_reminder,
    deadline=24 * 3600.0,  # whoever waited a day for it has long been elsewhere
)
