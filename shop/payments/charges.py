"""Taking an order's money and giving it back: what to ask the provider for, and writing down what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import String, bindparam, select, update
from sqlalchemy.orm import Session

from db.bulk import Many, inserting
from db.functions import in_list, in_seconds, statement_time
from db.schema import new_id
from db.statements import execute_core, table_of
from engine.outcomes import Outcome
from shop.kernel.times import rfc3339
from shop.payments import held_for, offline, payments
from shop.payments import reminders as payment_reminders
from shop.payments import webhook_payloads as payment_payloads
from shop.payments.charge_requests import Charge, Reversal
from shop.payments.payments import PaymentRow, Status, TransactionRow
from shop.payments.webhook_payloads import Moved
from shop.webhooks.events import HEARD, Kind

CLOSED = (Status.VOIDED, Status.REFUSED)
LATE = "late_money"
"""The error of a payment that was closed before its money came."""

PAY_AGAIN = "pay_again"

_PAYMENTS = table_of(PaymentRow)
_OPEN = (
    select(_PAYMENTS, held_for.held_for(_PAYMENTS.c.order_id).label("held_for"))
    .where(in_list(_PAYMENTS.c.order_id, "orders"), _PAYMENTS.c.spare.is_(False))
    .order_by(_PAYMENTS.c.order_id, _PAYMENTS.c.id)
    .with_for_update(key_share=True)
)


def _asking(_: str, given: Any) -> Any:
    changed = {"status": Status.CHARGING, "charge_key": given.charge_key, "updated_at": statement_time()}
    return update(_PAYMENTS).where(_PAYMENTS.c.id == given.id).values(changed)


_ASK = Many(_asking, _PAYMENTS.c.id, _PAYMENTS.c.charge_key)


def open_charges(session: Session, keys: dict[str, str]) -> dict[str, Charge | Outcome]:
    """For each order (mapped to the key of its call) what to charge. Remembers that it is being asked for.

    Money that comes by another way than the provider may have to be waited for, or is refused; an order that is
    not mentioned has been paid for, or will be without anybody asking.
    """
    rows = lock_open(session, keys)
    return _open(session, rows, keys, {row.order_id: row.held_for for row in rows})


def open_charge(session: Session, payment_id: str, key: str) -> Charge | Outcome | None:
    """As `open_charges`, for one payment that was made for an order later."""
    row = payments.lock_all(session, [payment_id])[payment_id]
    left = held_for.seconds(session, row.order_id)
    return _open(session, [row], {row.order_id: key}, {row.order_id: left}).get(row.order_id)


def _open(
    session: Session, rows: Sequence[Any], keys: dict[str, str], left: dict[str, float | None]
) -> dict[str, Charge | Outcome]:
    """`left`: for how many seconds each order's goods are still held."""
    by_card = [row for row in rows if row.method == "card" and row.amount and row.status in _CHARGEABLE]
    late = {row.id for row in by_card if row.status in _TO_CHARGE and held_for.has_lapsed(left[row.order_id])}
    asking = [row for row in by_card if row.id not in late]
    fresh = [row for row in asking if row.status == Status.CREATED]
    if fresh:
        _ASK(session, [{"id": row.id, "charge_key": keys[row.order_id]} for row in fresh])
    found: dict[str, Charge | Outcome] = {row.order_id: _charge(row, left[row.order_id]) for row in asking}
    found |= {row.order_id: held_for.lapsed() for row in by_card if row.id in late}
    for row in rows:
        why = None if row.order_id in found else offline.begin(session, row, keys[row.order_id])
        if why:
            found[row.order_id] = why
    return found


_TO_CHARGE = (Status.CREATED, Status.CHARGING)
_CHARGEABLE = (*_TO_CHARGE, Status.REQUIRES_ACTION)


def _charge(row: Any, left: float | None) -> Charge:
    known = row.provider_id if row.status == Status.REQUIRES_ACTION else None
    return Charge(row.id, row.order_id, row.amount, row.currency, row.token or "", known, row.delayed, left)


def lock_open(session: Session, orders: Any) -> Sequence[Any]:
    """What these orders are paid with."""
    rows: Sequence[Any] = execute_core(session, _OPEN, {"orders": list(orders)}).all()
    return rows


# --- what came of it --------------------------------------------------------------------------------


def _capturing(_: str, given: Any) -> Any:
    taken = {"status": Status.CAPTURED, "captured": _PAYMENTS.c.amount, "provider_id": given.provider_id}
    served = {"next_action": None, "token": None, "updated_at": statement_time()}
    return update(_PAYMENTS).where(_PAYMENTS.c.id == given.id).values({**taken, **served})


_CAPTURE = Many(_capturing, _PAYMENTS.c.id, _PAYMENTS.c.provider_id)


def captured(session: Session, charges: Sequence[tuple[Charge, str, str]]) -> None:
    """These charges went through: (charge, the provider's id, key)."""
    if not charges:
        return
    _CAPTURE(session, [{"id": charge.payment_id, "provider_id": theirs} for charge, theirs, _ in charges])
    _write(session, "capture", [(c.payment_id, c.amount, c.currency, theirs, key) for c, theirs, key in charges])


def refused(session: Session, charge: Charge, code: str) -> None:
    payments.change(session, charge.payment_id, status=Status.REFUSED, error_code=code, token=None, next_action=None)
    payment_payloads.tell_of_charge(session, Kind.PAYMENT_FAILED, charge, code)


def declined(session: Session, charge: Charge, code: str, seconds: float) -> None:
    """A no that is not the end: for so long the order can be paid with something else."""
    refused(session, charge, code)
    until: datetime = session.execute(select(in_seconds(seconds))).scalar_one()
    again = {"type": PAY_AGAIN, "path": "/api/payments", "until": rfc3339(until)}
    payments.change(session, charge.payment_id, next_action=again)
    payment_reminders.ask(session, charge.order_id, later=True)


def needs_action(session: Session, charge: Charge, provider_id: str, next_action: dict[str, Any] | None) -> None:
    """The shopper must do something at their bank first."""
    asked = {"provider_id": provider_id, "next_action": next_action}
    payments.change(session, charge.payment_id, status=Status.REQUIRES_ACTION, **asked)
    payment_payloads.tell_of_charge(session, Kind.PAYMENT_ACTION_REQUIRED, charge)
    payment_reminders.ask(session, charge.order_id, later=True)


def authorised(session: Session, charge: Charge, provider_id: str, key: str, *, in_parts: bool) -> None:
    """The bank holds the money for us."""
    _write(session, "authorise", [(charge.payment_id, charge.amount, charge.currency, provider_id, key)])
    held = {"authorised": charge.amount, "in_parts": in_parts, "provider_id": provider_id}
    served = {"next_action": None, "token": None}
    payments.change(session, charge.payment_id, status=Status.AUTHORISED, **held, **served)


def mismatched(session: Session, charge: Charge, code: str) -> None:
    """Something else was taken than was asked for: it stays open, so that all of it is given back."""
    payments.change(session, charge.payment_id, error_code=code, token=None)


def refunded(session: Session, reversal: Reversal, charge_id: str, refund_id: str, amount: int, key: str) -> None:
    """All that was left of it is given back. If the capture was never recorded here, it is now."""
    id, currency = reversal.payment_id, reversal.currency
    sums: dict[str, Any] = {"refunded": PaymentRow.refunded + amount, "authorised": 0}
    if reversal.status != Status.CAPTURED:
        sums["captured"] = amount
        _write(session, "capture", [(id, amount, currency, charge_id, reversal.charge_key)])
    _write(session, "refund", [(id, amount, currency, refund_id, key)])
    payments.change(session, id, status=Status.REFUNDED, provider_id=charge_id, token=None, next_action=None, **sums)


def record_late_capture(session: Session, reversal: Reversal, charge_id: str, amount: int) -> None:
    """It was taken, we only now hear of it, and it could not be given back yet."""
    _write(session, "capture", [(reversal.payment_id, amount, reversal.currency, charge_id, reversal.charge_key)])
    known = {"provider_id": charge_id, "captured": amount, "authorised": 0, "token": None, "next_action": None}
    late = {"error_code": LATE} if reversal.status in CLOSED else {}
    payments.change(session, reversal.payment_id, status=Status.CAPTURED, **known, **late)


def voided(session: Session, reversal: Reversal, charge_id: str | None, key: str) -> None:
    """Nothing was taken, and nothing can be any more."""
    if charge_id:
        _write(session, "void", [(reversal.payment_id, reversal.left, reversal.currency, charge_id, key)])
    payments.change(session, reversal.payment_id, status=Status.VOIDED, authorised=0, token=None, next_action=None)


_COLUMNS = ("payment_id", "amount", "currency", "provider_id", "key")
_HEARD: dict[str, Any] = {"then": lambda insert: insert.returning(HEARD)}
_WRITE = inserting(
    table_of(TransactionRow), "id", *_COLUMNS, **_HEARD, kind=bindparam("kind", type_=String), at=statement_time()
)


def _write(session: Session, kind: str, rows: Sequence[tuple[str, int, str, str, str]]) -> None:
    written = [{"id": new_id(), **dict(zip(_COLUMNS, row, strict=True))} for row in rows]
    if any(_WRITE(session, written, kind=kind).scalars().all()):
        payment_payloads.tell(session, kind, _moved(session, rows))


def _moved(session: Session, rows: Sequence[tuple[str, int, str, str, str]]) -> list[Moved]:
    theirs = execute_core(session, _ORDERS, {"payments": [row[0] for row in rows]}).all()
    orders: dict[str, str] = dict(theirs)
    return [Moved(id, orders[id], amount, currency) for id, amount, currency, *_ in rows]


_ORDERS = select(_PAYMENTS.c.id, _PAYMENTS.c.order_id).where(in_list(_PAYMENTS.c.id, "payments"))
