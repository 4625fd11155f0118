"""Mail guests the link to their order once more."""

from __future__ import annotations

from engine import Step, Workflow
from tasks.notifications import order_mails

send_order_link = Workflow(
    "send_order_link",
    Step("send_mail", do=order_mails.order_link),
    on_failed=order_mails.drop_link,
    deadline=3600.0,  # after an hour the guest has asked again
)
