"""Telling customers, by mail, what has happened to their orders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from engine import A_DAY, Answer, Retry, Run, remote_step
from engine.steps import Fetch
from gateways.mail import Mail, mailer
from outcomes import Refused
from shop import notifications, return_mail, returns
from shop.notifications import OrderMail
from shop.orders import Status
from shop.return_mail import ReturnMail
from tasks import order_mail


def _about(event: str, standing: Status) -> Fetch:
    def notices(session: Session, runs: Sequence[Run]) -> Mapping[str, OrderMail]:
        begun = notifications.begin(session, event, [run.subject_id for run in runs], standing)
        return {run.id: begun[run.subject_id] for run in runs if run.subject_id in begun}

    return notices


def _told(session: Session, answers: Sequence[Answer]) -> None:
    told = [(answer.request.id, answer.output) for answer in answers if answer.output]
    notifications.finish(session, [id for id, output in told if output["delivered"]], "sent")
    for id, output in told:
        if not output["delivered"]:
            notifications.finish(session, [id], "refused", output["detail"])


@remote_step(
    "notifications.order_confirmed", fetch=_about("order_confirmed", Status.CONFIRMED), remember=_told, retry=A_DAY
)
def order_confirmed(notice: OrderMail, key: str) -> dict[str, Any]:
    """Mail the confirmation. An address that takes no mail does not hold up an order that is paid."""
    return _send(order_mail.order_confirmed(notice))


@remote_step(
    "notifications.order_cancelled", fetch=_about("order_cancelled", Status.CANCELLED), remember=_told, retry=A_DAY
)
def order_cancelled(notice: OrderMail, key: str) -> dict[str, Any]:
    """Mail that the order is called off and the money on its way."""
    return _send(order_mail.order_cancelled(notice))


def _about_return(event: str, standing: returns.Status) -> Fetch:
    def notices(session: Session, runs: Sequence[Run]) -> Mapping[str, ReturnMail]:
        begun = return_mail.begin(session, event, [run.input["return"] for run in runs], standing)
        return {run.id: begun[run.input["return"]] for run in runs if run.input["return"] in begun}

    return notices


_ASKED = _about_return("return_asked", returns.Status.REQUESTED)
_REJECTED = _about_return("return_rejected", returns.Status.REJECTED)


@remote_step("notifications.return_asked", fetch=_ASKED, remember=_told, retry=A_DAY)
def return_asked(notice: ReturnMail, key: str) -> dict[str, Any]:
    """Mail that the wish to send something back is noted."""
    return _send(order_mail.return_asked(notice))


@remote_step("notifications.return_rejected", fetch=_REJECTED, remember=_told, retry=A_DAY)
def return_rejected(notice: ReturnMail, key: str) -> dict[str, Any]:
    """Mail that the shop does not take it back, and why."""
    return _send(order_mail.return_rejected(notice))


def _links(session: Session, runs: Sequence[Run]) -> Mapping[str, OrderMail]:
    """The link is made here, so that it stands in no table and no message. Left out: nobody to write to."""
    found = {run.id: notifications.again(session, run.subject_id, run.id) for run in runs}
    return {id: notice for id, notice in found.items() if notice}


@remote_step("notifications.order_link", fetch=_links, retry=Retry(attempts=200))
def order_link(notice: OrderMail, key: str) -> dict[str, Any]:
    """Mail a guest the link to their order once more."""
    return _send(order_mail.order_link(notice))


def _send(mail: Mail) -> dict[str, Any]:
    try:
        mailer().send(mail)
    except Refused as no:
        return {"delivered": False, "detail": no.detail}
    return {"delivered": True}
