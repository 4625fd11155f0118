"""Telling customers, by mail, what has happened to their orders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from engine import Answer, Retry, Run, remote_step
from gateways.mail import mailer
from outcomes import Refused
from shop import notifications
from shop.notifications import OrderMail
from tasks import order_mail


def _confirmations(session: Session, runs: Sequence[Run]) -> Mapping[str, OrderMail]:
    notices = notifications.begin(session, "order_confirmed", [run.subject_id for run in runs])
    return {run.id: notices[run.subject_id] for run in runs if run.subject_id in notices}


def _told(session: Session, answers: Sequence[Answer]) -> None:
    told = [(answer.request.id, answer.output) for answer in answers if answer.output]
    notifications.finish(session, [id for id, output in told if output["delivered"]], "sent")
    for id, output in told:
        if not output["delivered"]:
            notifications.finish(session, [id], "refused", output["detail"])


# The order is paid and there is no way back: a mail server may be away for a day before a person is troubled.
PATIENTLY = Retry(attempts=40, most=3600.0)


@remote_step("notifications.order_confirmed", fetch=_confirmations, remember=_told, retry=PATIENTLY)
def order_confirmed(notice: OrderMail, key: str) -> dict[str, Any]:
    """Mail the confirmation. An address that takes no mail does not hold up an order that is paid."""
    try:
        mailer().send(order_mail.order_confirmed(notice))
    except Refused as no:
        return {"delivered": False, "detail": no.detail}
    return {"delivered": True}
