"""Taking the money of orders, and giving it back: fetch, call, remember."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

import gateways.payments as provider
from config import settings
from engine import Answer, Retry, Run, remote_step
from gateways.payments import Intent, Receipt
from outcomes import Refused, Wait
from shop import charging, orders, refunds, reservations
from shop.charging import Charge, Reversal
from shop.orders import PaymentStatus
from shop.payments import Status
from shop.refunds import PayBack

# --- charge --------------------------------------------------------------------------------------


def _charges(session: Session, runs: Sequence[Run]) -> Mapping[str, Charge]:
    charges = charging.open_charges(session, {run.subject_id: run.key for run in runs})
    return {run.id: charges[run.subject_id] for run in runs if run.subject_id in charges}


SLACK = 300.0  # seconds from the last moment to pay to the last moment to sell what was paid for


def _charged(session: Session, answers: Sequence[Answer]) -> None:
    taken = [(a.request, a.output["provider_id"], a.run.key) for a in answers if a.output]
    charging.captured(session, taken)
    orders.set_payment_status(session, [charge.order_id for charge, _, _ in taken], PaymentStatus.PAID)
    for answer in answers:
        if isinstance(answer.result, Refused):
            charging.refused(session, answer.request, answer.result.code)
        elif isinstance(answer.result, Wait):
            asked = answer.result.output or {}
            charging.needs_action(session, answer.request, asked["provider_id"], asked.get("next_action"))
            orders.set_payment_status(session, [answer.request.order_id], PaymentStatus.ACTION_REQUIRED)
            reservations.extend(session, [answer.request.order_id], answer.result.seconds + SLACK)


@remote_step("payments.charge", fetch=_charges, remember=_charged)
def charge(wanted: Charge, key: str) -> dict[str, Any]:
    """Capture an order's total with the token it was placed with."""
    gateway = provider.payments()
    if wanted.provider_id:
        receipt = gateway.fetch(wanted.provider_id)
    else:
        receipt = gateway.charge(Intent(wanted.amount, wanted.currency, wanted.token, wanted.order_id), key=key)
    if receipt.status == "requires_action":
        raise _wait_for_the_shopper(receipt)
    return {"provider_id": receipt.provider_id, "amount": receipt.amount, "currency": receipt.currency}


def _wait_for_the_shopper(receipt: Receipt) -> Wait:
    return Wait(
        "authentication_expired",
        "The card holder did not confirm the payment in time.",
        seconds=60.0 * settings().authentication_minutes,
        output={"provider_id": receipt.provider_id, "next_action": receipt.next_action},
    )


# --- refund ----------------------------------------------------------------------------------------


def _reversals(session: Session, runs: Sequence[Run]) -> Mapping[str, Reversal]:
    reversals = charging.open_reversals(session, [run.subject_id for run in runs])
    return {run.id: reversals[run.subject_id] for run in runs if run.subject_id in reversals}


def _reversed(session: Session, answers: Sequence[Answer]) -> None:
    for answer in answers:
        undone, key, reversal = answer.output, answer.run.key, answer.request
        if undone is None:
            continue
        if "refund" in undone:
            charging.refunded(session, reversal, undone["charge"], undone["refund"], key)
            orders.set_payment_status(session, [reversal.order_id], PaymentStatus.REFUNDED)
        else:
            charging.voided(session, reversal, undone.get("void"), key)
            orders.set_payment_status(session, [reversal.order_id], PaymentStatus.UNPAID)


@remote_step("payments.refund", fetch=_reversals, remember=_reversed)
def refund(reversal: Reversal, key: str) -> dict[str, Any]:
    """Give back what was taken. Where nobody knows whether anything was, the provider is asked by key first."""
    if reversal.status == Status.CAPTURED:
        assert reversal.provider_id is not None
        return _refund(reversal.provider_id, reversal.left, key)
    receipt = _look_up(reversal.charge_key)
    if receipt is None or receipt.status in ("voided", "refunded"):
        return {}
    if receipt.status == "captured":
        return _refund(receipt.provider_id, reversal.left, key)
    provider.payments().void(receipt.provider_id, key=key)
    return {"void": receipt.provider_id}


def _refund(charge_id: str, amount: int, key: str) -> dict[str, Any]:
    receipt = provider.payments().refund(charge_id, amount, key=key)
    return {"charge": charge_id, "refund": receipt.provider_id, "amount": amount}


def _look_up(charge_key: str) -> Receipt | None:
    try:
        return provider.payments().find(charge_key)
    except Refused:
        return None  # the answer was a no: nothing was taken


# --- pay back, of an order that was paid for --------------------------------------------------------


def _wanted_back(session: Session, runs: Sequence[Run]) -> Mapping[str, PayBack | Refused]:
    """`amount` in the run's input; without one all that is left."""
    wishes = [refunds.Wish(run.key, run.subject_id, run.input.get("amount")) for run in runs]
    asked = refunds.ask(session, wishes)
    return {run.id: asked[run.key] for run in runs if run.key in asked}


def _paid_back(session: Session, answers: Sequence[Answer]) -> None:
    for answer in answers:
        if answer.output:
            stands = refunds.done(session, answer.request, answer.output["refund"], answer.run.key)
            whole = stands == Status.REFUNDED
            told = PaymentStatus.REFUNDED if whole else PaymentStatus.PARTIALLY_REFUNDED
            orders.set_payment_status(session, [answer.request.order_id], told)
        elif isinstance(answer.result, Refused):
            refunds.refused(session, answer.request, answer.result.code)


# There is no way back and the customer's money is not ours: the bank may be away for a day before a person is told.
PATIENTLY = Retry(attempts=40, most=3600.0)


@remote_step("payments.pay_back", fetch=_wanted_back, remember=_paid_back, retry=PATIENTLY)
def pay_back(wanted: PayBack, key: str) -> dict[str, Any]:
    """Give back a part of what was captured, or what is left of it."""
    receipt = provider.payments().refund(wanted.charge_id, wanted.amount, key=key)
    return {"refund": receipt.provider_id, "amount": wanted.amount, "currency": wanted.currency}
