"""Steps of staff's actions on payments, capture and void: fetch, call, remember."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

import engine
import gateways.payments as provider
from engine import DAYS, Answer, Run, local_step, on_failed, remote_step
from engine.outcomes import Outcome, Refused
from gateways.payments import PAYMENT_PROVIDER
from shop.fulfilment import partial_captures
from shop.payments import staff_actions as payment_actions
from shop.payments.staff_actions import Authorised
from shop.refunds import staff_actions as refund_actions


@local_step("payments.begin")
def begin(session: Session, runs: Sequence[Run]) -> None:
    """Pass the pivot: from here the action is carried through, or the run needs attention."""


@on_failed("payments.resume")
def resume(session: Session, runs: Sequence[Run]) -> None:
    """Take the request back: the action was cancelled before it began."""
    by_staff = [run for run in runs if not run.input.get("parcel")]
    payment_actions.resume(session, [run.input["payment"] for run in by_staff])
    refund_actions.cancel_request(session, [run.id for run in runs])


# --- capture ----------------------------------------------------------------------------------------


def _captures(session: Session, runs: Sequence[Run]) -> Mapping[str, Authorised | Outcome]:
    asked = {run.id: _open(session, run) for run in runs}
    for run in runs:
        if asked[run.id] is None:
            _wake(session, run)
    return {id: found for id, found in asked.items() if found}


def _open(session: Session, run: Run) -> Authorised | Outcome | None:
    payment, amount = run.input["payment"], run.input["amount"]
    if run.input.get("parcel"):
        return partial_captures.begin(session, payment, amount)
    return payment_actions.open_capture(session, payment, amount, run.key)


def _wake(session: Session, run: Run) -> None:
    """Wake the order's other runs, which may wait for this money."""
    engine.wake_about(session, ("order", run.subject_id), but=run.id)


def _captured(session: Session, answers: Sequence[Answer]) -> None:
    for answer in answers:
        if answer.output:
            payment_actions.captured(session, answer.request, answer.output["provider_id"], answer.run.key)
        else:
            _refused(session, answer)


def _refused(session: Session, answer: Answer) -> None:
    if isinstance(answer.result, Refused):
        payment_actions.gone(session, answer.request, answer.result.code, answer.run.key)


@remote_step("payments.capture", fetch=_captures, remember=_captured, retry=DAYS, gateway=PAYMENT_PROVIDER)
def capture(held: Authorised, key: str) -> dict[str, Any]:
    """Capture an authorised payment. Raises Refused when the provider captured another amount."""
    receipt = provider.payments().capture(held.provider_id, held.amount, key=key, final=held.final)
    if (receipt.amount, receipt.currency) != (held.amount, held.currency):
        raise Refused("amount_mismatch", "The provider took another amount than was asked for.")
    return {"provider_id": receipt.moved or receipt.provider_id, "amount": receipt.amount}


# --- void -------------------------------------------------------------------------------------------


def _voids(session: Session, runs: Sequence[Run]) -> Mapping[str, Authorised | Outcome]:
    asked = {run.id: payment_actions.open_void(session, run.input["payment"]) for run in runs}
    return {id: found for id, found in asked.items() if found}


def _voided(session: Session, answers: Sequence[Answer]) -> None:
    for answer in answers:
        if answer.output:
            payment_actions.voided(session, answer.request, answer.run.key)
        else:
            _refused(session, answer)


@remote_step("payments.void", fetch=_voids, remember=_voided, retry=DAYS, gateway=PAYMENT_PROVIDER)
def void(held: Authorised, key: str) -> dict[str, Any]:
    """Void an authorisation. One that the provider has voided by itself counts as done."""
    try:
        provider.payments().void(held.provider_id, key=key)
    except Refused as no:
        if no.code != payment_actions.VOIDED:
            raise
    return {"provider_id": held.provider_id}
