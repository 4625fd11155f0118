"""Somebody is to be told something, at once or, if it is still true then, after a while."""

from __future__ import annotations

from sqlalchemy.orm import Session

import engine
from engine import Step, Workflow
from shop import notifications as notified
from tasks import notifications

send_notification = Workflow(
    "send_notification",
    Step("deliver", do=notifications.deliver),
    on_failed=notifications.give_up,
    deadline=2 * 24 * 3600.0,
)
remind_of_payment = Workflow(
    "remind_of_payment",
    Step("wait", do=notifications.pause),
    Step("deliver", do=notifications.deliver),
    on_failed=notifications.give_up,
    deadline=24 * 3600.0,
)


@notified.carried_by
def start(session: Session, id: str, later: bool) -> None:
    workflow = remind_of_payment if later else send_notification
    engine.start(session, workflow, key=id, subject=("notification", id))
