"""Paying for an existing order with another payment than its first: fetch, call, remember."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from sqlalchemy.orm import Session

import engine
import gateways.payments as provider
from engine import Answer, Done, Result, Run, State, jobs, local_step, on_failed, remote_step
from engine.outcomes import Outcome, Refused
from gateways.payments import PAYMENT_PROVIDER
from shop.orders import orders
from shop.orders.states import PaymentStatus
from shop.payments import charges, replacement, reversals
from shop.payments.charge_requests import Charge, Reversal
from tasks.payments import provider_charge, reverse

# --- withdraw the first -----------------------------------------------------------------------------


def _firsts(session: Session, runs: Sequence[Run]) -> Mapping[str, Reversal | Outcome | Done]:
    return {run.id: replacement.open_withdrawal(session, run.subject_id) or Done({}) for run in runs}


def _withdrawn(session: Session, answers: Sequence[Answer]) -> None:
    for answer in answers:
        if answer.output:
            charges.voided(session, answer.request, answer.output["void"], answer.run.key)
            orders.set_payment_status(session, [answer.request.order_id], PaymentStatus.UNPAID)


@remote_step("payments.withdraw", fetch=_firsts, remember=_withdrawn, gateway=PAYMENT_PROVIDER)
def withdraw(first: Reversal, key: str) -> dict[str, Any]:
    """Void the first payment, which waits for its customer. Raises Refused when it has gone through in the meantime."""
    assert first.provider_id is not None
    gateway = provider.payments()
    stands = gateway.fetch(first.provider_id).status
    if stands not in ("requires_action", "voided"):
        raise Refused("already_paid", f"The order's payment is {stands}.")
    if stands == "requires_action":
        gateway.void(first.provider_id, key=key)
    return {"void": first.provider_id}


# --- charge the second ------------------------------------------------------------------------------


def _spares(session: Session, runs: Sequence[Run]) -> Mapping[str, Charge | Outcome]:
    asked = {run.id: charges.open_charge(session, run.input["payment"], run.key) for run in runs}
    return {id: found for id, found in asked.items() if found}


@remote_step(
    "payments.charge_spare",
    fetch=_spares,
    remember=partial(provider_charge.remember, spare=True),
    gateway=PAYMENT_PROVIDER,
    good_for=provider_charge.good_for,
)
def charge(wanted: Charge, key: str) -> dict[str, Any]:
    """Charge the order's total with the token that came later."""
    return provider_charge.call(wanted, key)


def _spares_back(session: Session, runs: Sequence[Run]) -> Mapping[str, Reversal | Outcome]:
    asked = {run.id: reversals.open_reversal(session, run.input["payment"], run.key) for run in runs}
    return {id: found for id, found in asked.items() if found}


@remote_step(
    "payments.refund_spare",
    fetch=_spares_back,
    remember=partial(reverse.remember, spare=True),
    gateway=PAYMENT_PROVIDER,
    unsent={},
)
def refund(reversal: Reversal, key: str) -> dict[str, Any]:
    """Undo that charge, if there was one."""
    return reverse.undo(reversal, key)


# --- put the second in the place of the first -------------------------------------------------------


@local_step("payments.adopt")
def adopt(session: Session, runs: Sequence[Run]) -> Mapping[str, Result]:
    """Make the second payment the order's own, and wake the order's runs that wait for it."""
    found = {run.id: _adopt(session, run) for run in runs}
    return {id: no for id, no in found.items() if no}


def _adopt(session: Session, run: Run) -> Outcome | None:
    others = [job for job in jobs.about(session, ("order", run.subject_id)) if job.id != run.id]
    turning = any(job.status == State.COMPENSATING for job in others)
    no = replacement.adopt(session, run.subject_id, run.input["payment"], turning_back=turning)
    if no is None:
        engine.wake(session, [job.id for job in others if not job.final])
    return no


@on_failed("payments.give_up")
def give_up(session: Session, runs: Sequence[Run]) -> None:
    """Close the second payment: the order is as unpaid as before."""
    replacement.close(session, [run.input["payment"] for run in runs])
