"""Sending campaigns: the audience is frozen and released turn by turn, and each batch sends its mails.

A batch is a remote step that writes by itself, a handful of mails at a time (shop/campaigns/batches.py), under a lease
that another worker takes over when this one dies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, partial
from threading import BoundedSemaphore
from typing import Any

import structlog
from sqlalchemy.orm import Session

from config import settings
from db import in_transaction
from engine import (
    DAYS,
    Answer,
    Done,
    Named,
    Result,
    Retry,
    Run,
    RunRequest,
    local_step,
    on_failed,
    remote_step,
    start_all,
)
from engine.outcomes import More, Refused, TryAgain, Wait
from gateways.mail import MAIL_SERVER, Mail, mailer, message_id
from shop.accounts import email_addresses
from shop.campaigns import audience, batches, cart_reminders, progress, rendering, throttle, transitions
from shop.campaigns.batches import Batch, Handful, Ready
from shop.campaigns.batches import Result as Fared
from shop.campaigns.cart_reminders import Reminder
from shop.campaigns.rendering import Letter
from shop.campaigns.tables import RecipientStatus, Stage
from shop.campaigns.templates import TemplateFailed
from shop.consent import suppressions
from shop.consent.suppressions import Reason
from tasks.campaigns import cart_reminder_mail

SEND_BATCH = Named("send_campaign_batch")

log = structlog.get_logger("campaigns")


LONGEST_PAUSE = 90 * 86400.0  # a campaign that is paused for longer is given up
DOWN = "mail_unreachable"
OFTEN_FOR_DAYS = Retry(seconds=DAYS.seconds, most=60.0)


# --- a run of a campaign ---------------------------------------------------------------------------------


@local_step("campaigns.freeze_audience")
def freeze_audience(session: Session, runs: Sequence[Run]) -> Mapping[str, Result]:
    """Freeze a page of each run's audience a turn.

    So locks are short, and a worker that resumes after a crash takes the next page.
    """
    return {run.id: More() for run in runs if audience.freeze_a_page(session, run.subject_id)}


@local_step("campaigns.send_out")
def send_out(session: Session, runs: Sequence[Run]) -> Mapping[str, Result]:
    """Start as many batches as the pace allows, each as a run of its own, until no recipient is left."""
    return {run.id: _a_turn(session, run.subject_id) for run in runs}


def _a_turn(session: Session, id: str) -> Result:
    turn = throttle.take(session, id, settings().campaign_connections)
    if turn.over or turn.cancelled:
        transitions.end_run(session, id, Stage.DONE if turn.over else Stage.CANCELLED)
        return Done(progress.counted(session, id))
    if turn.paused:
        return Wait("campaign_paused", "paused for too long", seconds=LONGEST_PAUSE)
    wishes = [RunRequest(batch, ("campaign_batch", batch), {"run": id}) for batch in turn.batches]
    if wishes:
        start_all(session, SEND_BATCH, wishes)
    return More(turn.after)


@on_failed("campaigns.stop_run")
def stop_run(session: Session, runs: Sequence[Run]) -> None:
    """End the run as cancelled: on request, or paused for too long. Recipients not yet written to stay as they are."""
    for run in runs:
        transitions.end_run(session, run.subject_id, Stage.CANCELLED, str((run.error or {}).get("code", "")))


# --- a batch ---------------------------------------------------------------------------------------------


def _batches(session: Session, runs: Sequence[Run]) -> Mapping[str, Batch]:
    return {run.id: _batch(run) for run in runs}


def _batch(run: Run) -> Batch:
    return Batch(run.input["run"], run.subject_id)


@remote_step("campaigns.send_batch", fetch=_batches, retry=OFTEN_FOR_DAYS, gateway=MAIL_SERVER)
def send_batch(batch: Batch, key: str) -> None:
    """Send handful after handful, until none is left or the campaign is paused or cancelled.

    Raises TryAgain while the mail server is away.
    """
    with _hands():
        _send_batch(batch)


@cache
def _hands() -> BoundedSemaphore:
    """Limit this process to its connections.

    A wave brings more batches than that, and a crash would send twice what they hold.
    """
    return BoundedSemaphore(settings().campaign_connections)


def _send_batch(batch: Batch) -> None:
    fared: list[Fared] = []
    while handful := in_transaction(partial(batches.send_next, batch=batch, results=fared)):
        fared, away = _hand_over(batch, handful)
        if away:
            in_transaction(partial(batches.write, batch=batch, results=fared))
            raise TryAgain(away.code, away.detail, away=True)  # the last one's next copy has the same Message-ID


@on_failed("campaigns.give_up_batch")
def give_up_batch(session: Session, runs: Sequence[Run]) -> None:
    """Mark the unsent recipients of failed batches as failed."""
    for run in runs:
        batches.give_up(session, _batch(run), str((run.error or {}).get("detail", "")))


def _hand_over(batch: Batch, handful: Handful) -> tuple[list[Fared], TryAgain | None]:
    """Send a handful. Returns the outcomes, and the TryAgain that ended it early, if any."""
    fared: list[Fared] = []
    for ready in handful.ready:
        try:
            fared.append(_mailed(batch, handful, ready))
        except TryAgain as away:
            return fared, away
    return fared, None


def _mailed(batch: Batch, handful: Handful, ready: Ready) -> Fared:
    user, letter = ready.who.id, _letter(handful, ready)
    if isinstance(letter, str):
        return Fared(user, RecipientStatus.FAILED, letter)
    try:
        send(letter, ready.mark)
    except Refused as no:
        return Fared(user, RecipientStatus.FAILED, no.detail, bounced=no.code == "mail_refused")
    except TryAgain as later:  # also for silence after DATA: the next copy has the same Message-ID
        if later.away or later.code == DOWN:
            raise
        return batches.put_off(ready, later.detail)
    return Fared(user, RecipientStatus.SENT)


def _letter(handful: Handful, ready: Ready) -> Letter | str:
    """Render the mail, or say why that failed. Any error is this recipient's alone: others wait behind them."""
    try:
        return rendering.written(handful.said, ready.who, ready.coupon)
    except TemplateFailed as failed:
        return str(failed)
    except Exception as error:
        log.exception("letter_not_written", user=ready.who.id)
        return f"It could not be written ({type(error).__name__})."


def send(letter: Letter, mark: str) -> None:
    """Hand a letter over. Of the same mark comes the same Message-ID."""
    id, headers = message_id(mark), letter.headers
    mailer().send(Mail(letter.to, letter.subject, letter.text, letter.html, message_id=id, headers=headers))


# --- a cart that was left -----------------------------------------------------------------------------------


def _reminders(session: Session, runs: Sequence[Run]) -> Mapping[str, Reminder]:
    """Load the reminders that still hold: after an order, a change of the cart or an unsubscribe they are left out."""
    found = cart_reminders.take(session, [run.subject_id for run in runs])
    return {run.id: found[run.subject_id] for run in runs if run.subject_id in found}


def _reminded(session: Session, answers: Sequence[Answer]) -> None:
    for answer in answers:
        if answer.output:
            cart_reminders.end(session, [answer.request.id], answer.output["state"], answer.output["detail"])
            if answer.output["bounced"]:
                suppressions.add(session, [email_addresses.hashed(answer.request.who.email)], Reason.BOUNCE)


@remote_step("campaigns.remind", fetch=_reminders, remember=_reminded, retry=DAYS, gateway=MAIL_SERVER)
def remind(reminder: Reminder, key: str) -> dict[str, Any]:
    """Send a cart reminder. An address that refuses it ends as failed."""
    try:
        mailer().send(cart_reminder_mail.compose(reminder))
    except Refused as no:
        return {"state": RecipientStatus.FAILED, "detail": no.detail, "bounced": no.code == "mail_refused"}
    return {"state": RecipientStatus.SENT, "detail": None, "bounced": False}


@on_failed("campaigns.drop_reminder")
def drop_reminder(session: Session, runs: Sequence[Run]) -> None:
    cart_reminders.end(
        session, [run.subject_id for run in runs], RecipientStatus.FAILED, "the mail server did not take it"
    )
