"""Charging an order at the provider, and recording the outcome."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy.orm import Session

import gateways.payments as provider
from config import settings
from engine import Answer
from engine.outcomes import Refused, Wait
from gateways.payments import Intent, Receipt
from shop.orders import orders
from shop.orders.states import PaymentStatus
from shop.payments import charges, offline
from shop.payments.charge_requests import Charge
from shop.payments.offline import SLACK
from shop.stock import reservations

MISMATCH = "amount_mismatch"


IN_HAND = 30.0
"""Seconds before a reservation ends at which the last attempt is made: it leaves time for the answer and the sale."""


def good_for(wanted: Charge) -> float | None:
    """Return the seconds for which charging is of use: no order is charged whose reservation has ended.

    None: no limit.
    """
    return None if wanted.held_for is None else wanted.held_for - IN_HAND


def remember(session: Session, answers: Sequence[Answer], *, spare: bool = False) -> None:
    """Record the outcomes of charges.

    `spare`: of a replacement payment, which leaves the order's payment status alone.
    """
    taken = [(a.request, _id(a), a.run.key) for a in answers if _is(a, "captured")]
    charges.captured(session, taken)
    if not spare:
        orders.set_payment_status(session, [charge.order_id for charge, _, _ in taken], PaymentStatus.PAID)
    for answer in sorted(answers, key=lambda answer: answer.request.order_id):  # as restocking locks them
        charge, result = answer.request, answer.result
        if _is(answer, "authorised"):
            in_parts = bool((answer.output or {}).get("in_parts"))
            charges.authorised(session, charge, _id(answer), answer.run.key, in_parts=in_parts)
            _say(session, charge, PaymentStatus.AUTHORISED, spare)
        elif isinstance(result, Refused) and result.code == MISMATCH:
            charges.mismatched(session, charge, result.code)
        elif isinstance(result, Refused):
            charges.refused(session, charge, result.code)
        elif isinstance(result, Wait) and result.output is None:
            charges.declined(session, charge, result.code, result.seconds)
            reservations.extend(session, [charge.order_id], result.seconds + SLACK)
            _say(session, charge, PaymentStatus.UNPAID, spare)
        elif isinstance(result, Wait):
            asked = result.output or {}
            charges.needs_action(session, charge, asked["provider_id"], asked.get("next_action"))
            _say(session, charge, PaymentStatus.ACTION_REQUIRED, spare)
            reservations.extend(session, [charge.order_id], result.seconds + SLACK)


def _is(answer: Answer, status: str) -> bool:
    return (answer.output or {}).get("status") == status


def _id(answer: Answer) -> str:
    return str((answer.output or {})["provider_id"])


def _say(session: Session, charge: Charge, status: PaymentStatus, spare: bool) -> None:
    if not spare:
        orders.set_payment_status(session, [charge.order_id], status)


def call_for_order(wanted: Charge, key: str) -> dict[str, Any]:
    """Charge as `call`.

    With PAYMENT_RETRY_MINUTES, a refusal becomes a Wait in which the customer may pay otherwise.
    """
    return call(wanted, key, ask=_ask_patiently if settings().payment_retry_minutes else _ask)


def call(wanted: Charge, key: str, ask: Callable[[Charge, str], Receipt] | None = None) -> dict[str, Any]:
    """Charge an order, or look its charge up. Returns `{provider_id, status, amount, currency}`, and `in_parts` where
    that holds.

    Raises Wait while the customer must act, Refused for another status or amount.
    """
    receipt = (ask or _ask)(wanted, key)
    if receipt.status == "requires_action":
        raise _wait_for_the_shopper(receipt)
    _check(wanted, receipt)
    taken = {"amount": receipt.amount, "currency": receipt.currency}
    held = {"in_parts": True} if receipt.in_parts else {}
    return {"provider_id": receipt.provider_id, "status": receipt.status, **taken, **held}


def _ask(wanted: Charge, key: str) -> Receipt:
    gateway = provider.payments()
    if wanted.provider_id:
        return gateway.fetch(wanted.provider_id)
    intent = Intent(wanted.amount, wanted.currency, wanted.token, wanted.order_id, capture=not wanted.delayed)
    return gateway.charge(intent, key=key)


def _ask_patiently(wanted: Charge, key: str) -> Receipt:
    try:
        return _ask(wanted, key)
    except Refused as no:
        raise offline.declined(no.code) from no


def _check(wanted: Charge, receipt: Receipt) -> None:
    """Refuse a charge that was reversed in the meantime, or is of another amount: it pays for nothing."""
    if receipt.status not in ("captured", "authorised"):
        raise Refused(f"charge_{receipt.status}")
    if (receipt.amount, receipt.currency) != (wanted.amount, wanted.currency):
        raise Refused(MISMATCH, "The provider took another amount than was asked for.")


def _wait_for_the_shopper(receipt: Receipt) -> Wait:
    return Wait(
        "authentication_expired",
        "The card holder did not confirm the payment in time.",
        seconds=60.0 * settings().authentication_minutes,
        output={"provider_id": receipt.provider_id, "next_action": receipt.next_action},
    )
