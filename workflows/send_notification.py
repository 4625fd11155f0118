"""Send a notification, at once or, if it still holds then, after a while."""

from __future__ import annotations

from engine import Step, Workflow
from tasks.notifications import order_mails

send_notification = Workflow(
    "send_notification",
    Step("deliver", do=order_mails.deliver),
    on_failed=order_mails.give_up,
    deadline=2 * 24 * 3600.0,
)
remind_of_payment = Workflow(
    "remind_of_payment",
    Step("wait", do=order_mails.pause),
    Step("deliver", do=order_mails.deliver),
    on_failed=order_mails.give_up,
    deadline=24 * 3600.0,
)
