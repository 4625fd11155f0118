"""Delivering domain events to webhook endpoints."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy.orm import Session

from config import settings
from engine import Answer, Retry, Run, on_failed, remote_step
from engine.outcomes import Outcome, Refused, TryAgain
from gateways import webhooks
from shop.kernel.times import rfc3339
from shop.webhooks import deliveries
from shop.webhooks.deliveries import Attempt, Letter
from shop.webhooks.events import DeliveryState

FOR_A_DAY = Retry(seconds=86_400.0, first=5.0, most=3600.0)
PROBE = 60  # seconds between two calls to a receiver that is away
OVERLOADED = (408, 429, 502, 503, 504)
NOBODY = ("unreachable", "unanswered")
GONE = 410


class NotTaken(TryAgain):
    """The delivery was not accepted: there was no 2xx, and perhaps no answer."""

    def __init__(self, code: str, attempt: Attempt) -> None:
        away = code in NOBODY or attempt.status in OVERLOADED
        super().__init__(code, away=away, answered=attempt.status is not None and not away)
        self.attempt = attempt


class Gone(Refused):
    """The receiver answered 410: it wants no more deliveries."""

    def __init__(self, attempt: Attempt) -> None:
        super().__init__(deliveries.GONE, "the receiver answered 410")
        self.attempt = attempt


def _letters(session: Session, runs: Sequence[Run]) -> Mapping[str, Letter | Outcome]:
    """Load what is to be posted; Refused where the endpoint is disabled.

    Left out: deliveries deleted with their endpoint.
    """
    found = deliveries.letters(session, [run.subject_id for run in runs])
    disabled = Refused("endpoint_disabled", "the endpoint is disabled")
    return {run.id: found[run.subject_id] or disabled for run in runs if run.subject_id in found}


def _noted(session: Session, answers: Sequence[Answer]) -> None:
    for answer in answers:
        letter: Letter = answer.request
        if answer.output:
            deliveries.note(session, letter.id, Attempt(**answer.output), DeliveryState.DELIVERED)
        elif isinstance(answer.result, NotTaken | Gone):
            deliveries.note(session, letter.id, answer.result.attempt, DeliveryState.PENDING)
        if isinstance(answer.result, Gone):
            deliveries.disable(session, letter.endpoint_id, deliveries.GONE)


def _receiver(letter: Letter) -> str:
    """Name the gateway: each host is one of its own."""
    return f"webhooks:{urlsplit(letter.url).hostname}"


@remote_step("webhooks.deliver", fetch=_letters, remember=_noted, retry=FOR_A_DAY, gateway=_receiver, probe=PROBE)
def deliver(letter: Letter, key: str) -> dict[str, Any]:
    """Post the delivery. Its webhook-id is the same for every attempt, so that the receiver can recognise a repetition.

    Raises Gone for a 410 and NotTaken for anything else but a 2xx.
    """
    attempt = _posted(letter)
    if attempt.status == GONE:
        raise Gone(attempt)
    if attempt.error:
        raise NotTaken(attempt.error, attempt)
    return asdict(attempt)


def _posted(letter: Letter) -> Attempt:
    body = body_of(letter)
    head = webhooks.headers(letter.id, letter.now, body, letter.secrets) | {
        "Content-Type": "application/json",
        "User-Agent": "Orderwave-Webhooks/1",
    }
    try:
        said = webhooks.post(letter.url, body, head, private_too=settings().webhooks_allow_private)
    except webhooks.NotPosted as why:
        return Attempt(None, why.detail, why.ms, why.code)
    return Attempt(said.status, said.body, said.ms, None if 200 <= said.status < 300 else f"status_{said.status}")


def body_of(letter: Letter) -> bytes:
    """Build the body: the same bytes for every attempt."""
    at = rfc3339(letter.happened_at)
    return json.dumps({"type": letter.kind, "timestamp": at, "data": letter.data}, separators=(",", ":")).encode()


@on_failed("webhooks.give_up")
def give_up(session: Session, runs: Sequence[Run]) -> None:
    """Mark the deliveries as failed, and disable endpoints that have accepted nothing since."""
    for run in runs:
        deliveries.give_up(session, run.subject_id, (run.error or {}).get("code", "failed"))
