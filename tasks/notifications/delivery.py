"""Sending a notice by its channel, and recording the outcome."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

import letters
from engine import Answer
from engine.outcomes import Refused
from gateways.channels import CHANNELS, Message
from gateways.mail import MAIL_SERVER
from shop.notifications import outbox
from shop.notifications.notice import Notice
from shop.notifications.outbox import DeliveryResult, State


def gateway(notice: Notice) -> str:
    """Name the gateway of the notice's channel."""
    return MAIL_SERVER if notice.channel == "email" else notice.channel


def hand_over(notice: Notice) -> dict[str, Any]:
    """Render the notice and send it. Returns `{delivered, detail}`, and `bounced` when it was refused.

    A refusal is an outcome and not an error: it must not hold up the order that the notice is about.
    """
    letter = letters.write(notice.kind, notice.values, notice.language)
    assert notice.mark, notice.kind  # without it a second copy could not be recognised
    message = Message(notice.id, notice.to, letter.subject, letter.text, letter.html, notice.mark)
    try:
        answer = CHANNELS[notice.channel].send(message)
    except Refused as no:
        return {"delivered": False, "detail": no.detail, "bounced": no.code == "mail_refused"}
    return {"delivered": True, "detail": answer}


def remember(session: Session, answers: Sequence[Answer]) -> None:
    """Record the outcomes. A notification without one stays open, for its next attempt."""
    outbox.finish(session, [_fared(answer) for answer in answers])


def _fared(answer: Answer) -> DeliveryResult:
    notice, came = answer.request, answer.output
    if came is None:  # deferred or in doubt: the next attempt uses the same row
        return DeliveryResult(notice.id, notice.to, State.SENDING, getattr(answer.result, "detail", None))
    state = State.SENT if came["delivered"] else State.REFUSED
    return DeliveryResult(notice.id, notice.to, state, came["detail"], came.get("bounced", False))
