"""Something has happened, and somebody outside wants to hear of it."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

import engine
from engine import Step, Wish, Workflow
from shop import happenings
from tasks import webhooks

deliver_webhook = Workflow(
    "deliver_webhook",
    Step("post", do=webhooks.deliver),
    on_failed=webhooks.give_up,
)


@happenings.carried_by
def start(session: Session, deliveries: Sequence[str]) -> None:
    engine.start_all(session, deliver_webhook, [Wish(key=id, subject=("delivery", id)) for id in deliveries])
