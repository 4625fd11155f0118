"""Verifying a payment with the provider, and refunding money that came after its order was closed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

import engine
import gateways.payments as provider
from engine import DAYS, Answer, Done, Run, remote_step
from engine.outcomes import Refused
from gateways.payments import PAYMENT_PROVIDER, Receipt
from shop.orders import orders
from shop.orders.states import PaymentStatus
from shop.payments import verification
from shop.payments.charge_requests import Reversal
from shop.payments.verification import Question
from shop.refunds import refunds
from tasks.payments import reverse


def _questions(session: Session, runs: Sequence[Run]) -> Mapping[str, Question | Done]:
    asked = {run.id: verification.question(session, run.input["payment"]) for run in runs}
    return {id: question or Done({"theirs": "never asked", "agrees": True}) for id, question in asked.items()}


def _told(session: Session, answers: Sequence[Answer]) -> None:
    """Wake the order's runs when the answers differ, and record what the provider refunded without us."""
    for answer in answers:
        if answer.output and answer.output.get("given_back"):
            refunds.learn(session, answer.run.input["payment"], answer.output["given_back"])
        if answer.output and not answer.output["agrees"]:
            engine.wake_about(session, ("order", answer.run.subject_id), but=answer.run.id)


@remote_step("payments.verify", fetch=_questions, remember=_told, retry=DAYS, gateway=PAYMENT_PROVIDER)
def verify(asked: Question, key: str) -> dict[str, Any]:
    """Compare our record of a payment with the provider's.

    Nothing is corrected here, except that refunds we did not ask for are recorded.
    """
    try:
        receipt = _receipt(asked)
    except Refused as no:
        return verification.answer(asked, f"refused: {no.code}", None, None)
    if receipt is None:
        return verification.answer(asked, "unknown", None, None)
    found = verification.answer(asked, receipt.status, receipt.amount, receipt.currency)
    return found | ({"given_back": receipt.given_back} if receipt.given_back else {})


def _receipt(asked: Question) -> Receipt | None:
    gateway = provider.payments()
    return gateway.fetch(asked.provider_id) if asked.provider_id else gateway.find(asked.charge_key)


def _late(session: Session, runs: Sequence[Run]) -> Mapping[str, Reversal | Done]:
    return {run.id: verification.open_return(session, run.input["payment"]) or Done({}) for run in runs}


def _returned(session: Session, answers: Sequence[Answer]) -> None:
    for answer in answers:
        if answer.output == {}:
            continue  # no money came
        stands = reverse.record(session, answer)
        if stands not in (None, PaymentStatus.UNPAID) and not verification.is_spare(session, answer.request):
            orders.set_payment_status(session, [answer.request.order_id], stands)


@remote_step("payments.return_late", fetch=_late, remember=_returned, retry=DAYS, gateway=PAYMENT_PROVIDER)
def return_late(closed: Reversal, key: str) -> dict[str, Any]:
    """Reverse a charge of an order that was closed; nothing happens when there is none."""
    return reverse.undo(closed, _stable(closed, key))


def _stable(closed: Reversal, key: str) -> str:
    """Derive a key that is the same for every run about this charge: two concurrent runs refund it once."""
    _run, _step, *refusals = key.split(":")
    return ":".join([closed.charge_key, "late", *refusals])
