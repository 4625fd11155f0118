"""Steps that notify customers about their orders, and send notifications enqueued for a run of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from config import settings
from engine import DAYS, Result, Run, local_step, on_failed, remote_step
from engine.outcomes import More
from engine.steps import Fetch
from shop.notices import orders as order_notices
from shop.notices import refunds as refund_notices
from shop.notices import registry as notice_registry
from shop.notices import returns as return_notices
from shop.notifications import outbox
from shop.notifications.notice import Notice
from shop.notifications.outbox import NotificationRow
from tasks.notifications.delivery import gateway, hand_over, remember

BY_MAIL: Any = {"remember": remember, "gateway": gateway}


def _about(kind: str) -> Fetch:
    def notices(session: Session, runs: Sequence[Run]) -> Mapping[str, Notice]:
        begun = order_notices.begin(session, kind, {run.subject_id: None for run in runs})
        return {run.id: begun[run.subject_id] for run in runs if run.subject_id in begun}

    return notices


@remote_step(
    "notifications.order_confirmed", fetch=_about("order_confirmed"), remember=remember, gateway=gateway, retry=DAYS
)
def order_confirmed(notice: Notice, key: str) -> dict[str, Any]:
    """Mail the confirmation. An address that refuses it does not hold up an order that is paid."""
    return hand_over(notice)


@remote_step(
    "notifications.order_cancelled", fetch=_about("order_cancelled"), remember=remember, gateway=gateway, retry=DAYS
)
def order_cancelled(notice: Notice, key: str) -> dict[str, Any]:
    """Mail that the order is cancelled and the money on its way."""
    return hand_over(notice)


def _about_return(kind: str) -> Fetch:
    def notices(session: Session, runs: Sequence[Run]) -> Mapping[str, Notice]:
        begun = return_notices.begin(session, kind, [run.input["return"] for run in runs])
        return {run.id: begun[run.input["return"]] for run in runs if run.input["return"] in begun}

    return notices


@remote_step(
    "notifications.return_asked", fetch=_about_return("return_asked"), remember=remember, gateway=gateway, retry=DAYS
)
def return_asked(notice: Notice, key: str) -> dict[str, Any]:
    """Mail that the request to return goods is recorded."""
    return hand_over(notice)


@remote_step(
    "notifications.return_rejected",
    fetch=_about_return("return_rejected"),
    remember=remember,
    gateway=gateway,
    retry=DAYS,
)
def return_rejected(notice: Notice, key: str) -> dict[str, Any]:
    """Mail that the shop rejects the return, and why."""
    return hand_over(notice)


def _refunds(session: Session, runs: Sequence[Run]) -> Mapping[str, Notice]:
    return refund_notices.begin(session, {run.id: run.subject_id for run in runs})


@remote_step("notifications.refunded", fetch=_refunds, **BY_MAIL, retry=DAYS)
def refunded(notice: Notice, key: str) -> dict[str, Any]:
    """Mail how much was refunded. A refund that failed is not mentioned."""
    return hand_over(notice)


# --- a guest's link, asked for by the guest -----------------------------------------------------------------


def _links(session: Session, runs: Sequence[Run]) -> Mapping[str, Notice]:
    """Build the links here, so that they stand in no table and in no broker's queue.

    Left out: orders without a recipient.
    """
    turns = {run.subject_id: run.id for run in runs}  # a guest who asks twice at one moment gets one mail
    begun = order_notices.begin(session, "order_link", turns, solicited=True)
    return {turns[order]: notice for order, notice in begun.items()}


@remote_step("notifications.order_link", fetch=_links, **BY_MAIL)
def order_link(notice: Notice, key: str) -> dict[str, Any]:
    """Mail a guest the link to their order once more."""
    return hand_over(notice)


@on_failed("notifications.drop_link")
def drop_link(session: Session, runs: Sequence[Run]) -> None:
    """End the mails as failed: after an hour their guests have asked again."""
    outbox.give_up(session, NotificationRow.event.in_([f"order_link:{run.id}" for run in runs]))


# --- what waits for a run of its own --------------------------------------------------------------------------


def _queued(session: Session, runs: Sequence[Run]) -> Mapping[str, Notice]:
    taken = notice_registry.take(session, [run.subject_id for run in runs])
    return {run.id: taken[run.subject_id] for run in runs if run.subject_id in taken}


@local_step("notifications.pause")
def pause(session: Session, runs: Sequence[Run]) -> Mapping[str, Result]:
    """Wait PAYMENT_REMINDER_SECONDS: most customers answer their bank at once, and need no mail."""
    ages = outbox.ages(session, [run.subject_id for run in runs])
    left = {run.id: settings().payment_reminder_seconds - ages.get(run.subject_id, 0.0) for run in runs}
    return {id: More(seconds) for id, seconds in left.items() if seconds > 0}


@remote_step("notifications.deliver", fetch=_queued, **BY_MAIL, retry=DAYS)
def deliver(notice: Notice, key: str) -> dict[str, Any]:
    """Send an enqueued notification, if it still holds."""
    return hand_over(notice)


@on_failed("notifications.give_up")
def give_up(session: Session, runs: Sequence[Run]) -> None:
    """End the notifications as failed: no gateway took them in time."""
    outbox.give_up(session, NotificationRow.id.in_([run.subject_id for run in runs]))
