"""What staff do with payments, and asking the provider how one stands: fetch, call, remember."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

import engine
import gateways.payments as provider
from engine import A_DAY, Answer, Run, local_step, on_failed, remote_step
from outcomes import Outcome, Refused
from shop import payment_desk, refund_desk
from shop.payment_desk import Authorised


@local_step("payments.begin")
def begin(session: Session, runs: Sequence[Run]) -> None:
    """The point of no return: what staff have told the provider to do is done, or a person is told why not."""


@on_failed("payments.resume")
def resume(session: Session, runs: Sequence[Run]) -> None:
    """Called off before it began."""
    payment_desk.resume(session, [run.input["payment"] for run in runs])
    refund_desk.withdraw(session, [run.id for run in runs])


# --- capture ----------------------------------------------------------------------------------------


def _captures(session: Session, runs: Sequence[Run]) -> Mapping[str, Authorised | Outcome]:
    asked = {run.id: payment_desk.open_capture(session, run.input["payment"], *_wish(run)) for run in runs}
    for run in runs:
        if asked[run.id] is None:
            _wake(session, run)
    return {id: found for id, found in asked.items() if found}


def _wish(run: Run) -> tuple[int, str]:
    return run.input["amount"], run.key


def _wake(session: Session, run: Run) -> None:
    """The order may have waited for this money."""
    engine.wake_about(session, ("order", run.subject_id), but=run.id)


def _captured(session: Session, answers: Sequence[Answer]) -> None:
    for answer in answers:
        if answer.output:
            payment_desk.captured(session, answer.request, answer.run.key)


@remote_step("payments.capture", fetch=_captures, remember=_captured, retry=A_DAY)
def capture(held: Authorised, key: str) -> dict[str, Any]:
    """Take what was authorised, or write down the money that has come by another way."""
    receipt = provider.payments().capture(held.provider_id, held.amount, key=key)
    if (receipt.amount, receipt.currency) != (held.amount, held.currency):
        raise Refused("amount_mismatch", "The provider took another amount than was asked for.")
    return {"provider_id": receipt.provider_id, "amount": receipt.amount}


# --- void -------------------------------------------------------------------------------------------


def _voids(session: Session, runs: Sequence[Run]) -> Mapping[str, Authorised | Outcome]:
    asked = {run.id: payment_desk.open_void(session, run.input["payment"]) for run in runs}
    return {id: found for id, found in asked.items() if found}


def _voided(session: Session, answers: Sequence[Answer]) -> None:
    for answer in answers:
        if answer.output:
            payment_desk.voided(session, answer.request, answer.run.key)


@remote_step("payments.void", fetch=_voids, remember=_voided, retry=A_DAY)
def void(held: Authorised, key: str) -> dict[str, Any]:
    """Let go of what was authorised."""
    return {"provider_id": provider.payments().void(held.provider_id, key=key).provider_id}
