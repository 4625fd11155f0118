"""Telling customers, by mail, what has happened to their orders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from engine import Answer, Done, Run, remote_step
from gateways.mail import mailer
from outcomes import Refused
from shop import notifications
from shop.notifications import OrderMail
from tasks import order_mail


def _confirmations(session: Session, runs: Sequence[Run]) -> Mapping[str, OrderMail]:
    notices = notifications.begin(session, "order_confirmed", [run.subject_id for run in runs])
    return {run.id: notices[run.subject_id] for run in runs if run.subject_id in notices}


def _told(session: Session, answers: Sequence[Answer]) -> None:
    done = [answer for answer in answers if isinstance(answer.result, Done)]
    notifications.finish(session, [a.request.id for a in done if a.result.output["delivered"]], "sent")
    for answer in done:
        if not answer.result.output["delivered"]:
            notifications.finish(session, [answer.request.id], "refused", answer.result.output["detail"])


@remote_step("notifications.order_confirmed", fetch=_confirmations, remember=_told)
def order_confirmed(notice: OrderMail, key: str) -> dict[str, Any]:
    """Mail the confirmation. An address that takes no mail does not hold up an order that is paid."""
    try:
        mailer().send(order_mail.order_confirmed(notice))
    except Refused as no:
        return {"delivered": False, "detail": no.detail}
    return {"delivered": True}
