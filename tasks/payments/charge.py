"""Charging orders, and refunding them: fetch, call, remember."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

import gateways.payments as provider
from db import in_transaction
from engine import DAYS, Answer, Run, remote_step
from engine.outcomes import Outcome, Refused
from gateways.payments import PAYMENT_PROVIDER
from shop.payments import charges, reversals
from shop.payments.charge_requests import Charge, Reversal
from shop.refunds import refunds
from shop.refunds.refunds import PayBack
from tasks.payments import provider_charge, reverse

# --- charge --------------------------------------------------------------------------------------


def _charges(session: Session, runs: Sequence[Run]) -> Mapping[str, Charge | Outcome]:
    wanted = charges.open_charges(session, {run.subject_id: run.key for run in runs})
    return {run.id: wanted[run.subject_id] for run in runs if run.subject_id in wanted}


@remote_step(
    "payments.charge",
    fetch=_charges,
    remember=provider_charge.remember,
    gateway=PAYMENT_PROVIDER,
    good_for=provider_charge.good_for,
)
def charge(wanted: Charge, key: str) -> dict[str, Any]:
    """Capture an order's total, or authorise it, with the token it was placed with."""
    return provider_charge.call_for_order(wanted, key)


# --- refund ----------------------------------------------------------------------------------------


def _reversals(session: Session, runs: Sequence[Run]) -> Mapping[str, Reversal | Outcome]:
    found = reversals.open_reversals(session, {run.subject_id: run.key for run in runs})
    return {run.id: found[run.subject_id] for run in runs if run.subject_id in found}


@remote_step("payments.refund", fetch=_reversals, remember=reverse.remember, gateway=PAYMENT_PROVIDER, unsent={})
def refund(reversal: Reversal, key: str) -> dict[str, Any]:
    """Undo the charge. Where it is in doubt whether there was one, the provider is asked by key first."""
    return reverse.undo(reversal, key)


# --- pay back, of an order that was paid for --------------------------------------------------------


def _wanted_back(session: Session, runs: Sequence[Run]) -> Mapping[str, PayBack | Reversal | Outcome]:
    """Collect what to refund: `amount` in the run's input, of its `payment`; without one, all that is left of the
    order's money.

    For a `return` at most its share: authorisations for goods that stay are not voided.
    """
    wishes = [_wish(run) for run in runs]
    found = refunds.ask(session, wishes)
    asked = {run.id: answer for run in runs if (answer := found[run.key])}
    unpaid = {run.subject_id: run.key for run in runs if run.id not in asked and run.input.keys().isdisjoint(PARTS)}
    held = reversals.open_releases(session, unpaid) if unpaid else {}
    return asked | {run.id: held[run.subject_id] for run in runs if run.subject_id in held and run.id not in asked}


PARTS = {"payment", "return"}
"""Inputs by which a run is about a part of the order's money."""


def _wish(run: Run) -> refunds.RefundRequest:
    said = run.input
    return refunds.RefundRequest(run.key, run.subject_id, said.get("amount"), said.get("payment"), said.get("return"))


def _paid_back(session: Session, answers: Sequence[Answer]) -> None:
    for answer in answers:
        if isinstance(answer.request, Reversal):
            reverse.remember(session, [answer])
        elif answer.output and "refund" in answer.output:
            refunds.done(session, answer.request, answer.output["refund"], answer.run.key)
        elif isinstance(answer.result, Refused):
            refunds.refused(session, answer.request, answer.result.code)
            if answer.result.seen:
                refunds.learn(session, answer.request.payment_id, answer.result.seen)


@remote_step("payments.pay_back", fetch=_wanted_back, remember=_paid_back, retry=DAYS, gateway=PAYMENT_PROVIDER)
def pay_back(wanted: PayBack | Reversal, key: str) -> dict[str, Any]:
    """Refund a part of what was captured, or all that is left; void what was only authorised."""
    if isinstance(wanted, Reversal):
        return reverse.undo(wanted, key)
    if wanted.as_credit:
        return _as_credit(wanted)
    try:
        receipt = provider.payments().refund(wanted.charge_id, wanted.amount, key=key)
    except Refused as no:
        no.seen = _given_back(wanted) if no.code in TOO_MUCH else None
        raise
    return {"refund": receipt.provider_id, "amount": wanted.amount, "currency": wanted.currency}


def _as_credit(wanted: PayBack) -> dict[str, Any]:
    """Give store credit, once it is known that the provider has not refunded the same money."""
    try:
        gone = provider.payments().fetch(wanted.charge_id).given_back
    except Refused:
        gone = None  # the provider does not know the charge
    no = in_transaction(lambda session: refunds.give_credit(session, wanted, gone))
    if no:
        no.seen = gone
        raise no
    return {"credit": wanted.amount, "currency": wanted.currency}


TOO_MUCH = ("refund_exceeds_charge", "charge_already_refunded")
"""The provider's refusals when some of the money was refunded without us."""


def _given_back(wanted: PayBack) -> int | None:
    try:
        return provider.payments().fetch(wanted.charge_id).given_back
    except Outcome:
        return None  # an operator may ask later: verify
