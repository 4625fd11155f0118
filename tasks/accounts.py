"""Step of mails about accounts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from engine import Run, on_failed, remote_step
from shop.accounts.signed_links import Kind
from shop.notices import accounts as account_notices
from shop.notifications import outbox
from shop.notifications.notice import Notice
from shop.notifications.outbox import NotificationRow
from tasks.notifications.delivery import gateway, hand_over, remember


def _notices(session: Session, runs: Sequence[Run]) -> Mapping[str, Notice]:
    """Record the mails and build their notices. Left out: runs whose account is gone or whose mail has an end."""
    return account_notices.begin(session, {run.id: (Kind(run.input["kind"]), run.subject_id) for run in runs})


@remote_step("accounts.send_mail", fetch=_notices, remember=remember, gateway=gateway)
def send_mail(notice: Notice, key: str) -> dict[str, Any]:
    """Send the mail. An address that refuses it is not tried again."""
    return hand_over(notice)


@on_failed("accounts.drop_mail")
def drop_mail(session: Session, runs: Sequence[Run]) -> None:
    """End the mails as failed: after an hour their users have asked again."""
    events = [f"{run.input['kind']}:{run.id}" for run in runs]
    outbox.give_up(session, NotificationRow.event.in_(events))
