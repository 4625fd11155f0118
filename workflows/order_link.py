"""A guest has lost the link to their order: it is mailed again."""

from __future__ import annotations

from engine import Step, Workflow
from tasks import notifications

send_order_link = Workflow(
    "send_order_link",
    Step("send_mail", do=notifications.order_link),
    on_failed=notifications.drop_link,
    deadline=3600.0,  # whoever waited an hour has asked again
)
