"""From a notice to a letter in somebody's hands, and how that is written down."""

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
    """Who carries it."""
    return MAIL_SERVER if notice.channel == "email" else notice.channel


def hand_over(notice: Notice) -> dict[str, Any]:
    """An address that takes no mail does not hold up what it is told of."""
    letter = letters.write(notice.kind, notice.values, notice.language)
    assert notice.mark, notice.kind  # made of what is told to whom
    message = Message(notice.id, notice.to, letter.subject, letter.text, letter.html, notice.mark)
    try:
        answer = CHANNELS[notice.channel].send(message)
    except Refused as no:
        return {"delivered": False, "detail": no.detail, "bounced": no.code == "mail_refused"}
    return {"delivered": True, "detail": answer}


def remember(session: Session, answers: Sequence[Answer]) -> None:
    outbox.finish(session, [_fared(answer) for answer in answers])


def _fared(answer: Answer) -> DeliveryResult:
    notice, came = answer.request, answer.output
    if came is None:  # put off, or nobody knows: it goes on with the same row
        return DeliveryResult(notice.id, notice.to, State.SENDING, getattr(answer.result, "detail", None))
    state = State.SENT if came["delivered"] else State.REFUSED
    return DeliveryResult(notice.id, notice.to, state, came["detail"], came.get("bounced", False))
