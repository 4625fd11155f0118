"""Open the charges of orders, and record what the provider answered to charges and reversals."""

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
"""The error code of a payment that was closed before its capture became known."""

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
    """Lock the payments of these orders and return by order what to charge; `keys`: each order's idempotency key.

    A card payment comes back as a Charge (a fresh one is `charging` under its key from now on), or as Refused when its
    reservation is about to lapse. Payments without a provider are begun here, and may come back as Wait or Refused.
    An order missing from the answer needs no call: it is paid or authorised, or pays in cash at the door.
    """
    rows = lock_open(session, keys)
    return _open(session, rows, keys, {row.order_id: row.held_for for row in rows})


def open_charge(session: Session, payment_id: str, key: str) -> Charge | Outcome | None:
    """Do as `open_charges` for one payment, a spare; None: it needs no call."""
    row = payments.lock_all(session, [payment_id])[payment_id]
    left = held_for.seconds(session, row.order_id)
    return _open(session, [row], {row.order_id: key}, {row.order_id: left}).get(row.order_id)


def _open(
    session: Session, rows: Sequence[Any], keys: dict[str, str], left: dict[str, float | None]
) -> dict[str, Charge | Outcome]:
    """Open locked payments; `left`: seconds until each order's first reservation lapses, as of `held_for`."""
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
    """Lock the payment of each of these orders (spares left out) and return the rows, each with its `held_for`."""
    rows: Sequence[Any] = execute_core(session, _OPEN, {"orders": list(orders)}).all()
    return rows


# --- what came of it --------------------------------------------------------------------------------


def _capturing(_: str, given: Any) -> Any:
    taken = {"status": Status.CAPTURED, "captured": _PAYMENTS.c.amount, "provider_id": given.provider_id}
    served = {"next_action": None, "token": None, "updated_at": statement_time()}
    return update(_PAYMENTS).where(_PAYMENTS.c.id == given.id).values({**taken, **served})


_CAPTURE = Many(_capturing, _PAYMENTS.c.id, _PAYMENTS.c.provider_id)


def captured(session: Session, charges: Sequence[tuple[Charge, str, str]]) -> None:
    """Record captures of whole amounts, each as (charge, the provider's id, idempotency key)."""
    if not charges:
        return
    _CAPTURE(session, [{"id": charge.payment_id, "provider_id": theirs} for charge, theirs, _ in charges])
    _write(session, "capture", [(c.payment_id, c.amount, c.currency, theirs, key) for c, theirs, key in charges])


def refused(session: Session, charge: Charge, code: str) -> None:
    """Record that the provider refused a charge, forget its token and publish `payment.failed`."""
    payments.change(session, charge.payment_id, status=Status.REFUSED, error_code=code, token=None, next_action=None)
    payment_payloads.tell_of_charge(session, Kind.PAYMENT_FAILED, charge, code)


def declined(session: Session, charge: Charge, code: str, seconds: float) -> None:
    """Record a refusal after which the order can be paid otherwise for so many `seconds`, and remind its customer."""
    refused(session, charge, code)
    until: datetime = session.execute(select(in_seconds(seconds))).scalar_one()
    again = {"type": PAY_AGAIN, "path": "/api/payments", "until": rfc3339(until)}
    payments.change(session, charge.payment_id, next_action=again)
    payment_reminders.ask(session, charge.order_id, later=True)


def needs_action(session: Session, charge: Charge, provider_id: str, next_action: dict[str, Any] | None) -> None:
    """Record that the customer must act at their bank first, publish the event and enqueue a later reminder."""
    asked = {"provider_id": provider_id, "next_action": next_action}
    payments.change(session, charge.payment_id, status=Status.REQUIRES_ACTION, **asked)
    payment_payloads.tell_of_charge(session, Kind.PAYMENT_ACTION_REQUIRED, charge)
    payment_reminders.ask(session, charge.order_id, later=True)


def authorised(session: Session, charge: Charge, provider_id: str, key: str, *, in_parts: bool) -> None:
    """Record an authorisation of the whole amount; `in_parts`: the provider can capture it parcel by parcel."""
    _write(session, "authorise", [(charge.payment_id, charge.amount, charge.currency, provider_id, key)])
    held = {"authorised": charge.amount, "in_parts": in_parts, "provider_id": provider_id}
    served = {"next_action": None, "token": None}
    payments.change(session, charge.payment_id, status=Status.AUTHORISED, **held, **served)


def mismatched(session: Session, charge: Charge, code: str) -> None:
    """Record that another amount was taken than asked for. The status stays: the undo is to reverse all of it."""
    payments.change(session, charge.payment_id, error_code=code, token=None)


def refunded(session: Session, reversal: Reversal, charge_id: str, refund_id: str, amount: int, key: str) -> None:
    """Record the refund of all that was left, and first the capture if it was never recorded. Sets `refunded`."""
    id, currency = reversal.payment_id, reversal.currency
    sums: dict[str, Any] = {"refunded": PaymentRow.refunded + amount, "authorised": 0}
    if reversal.status != Status.CAPTURED:
        sums["captured"] = amount
        _write(session, "capture", [(id, amount, currency, charge_id, reversal.charge_key)])
    _write(session, "refund", [(id, amount, currency, refund_id, key)])
    payments.change(session, id, status=Status.REFUNDED, provider_id=charge_id, token=None, next_action=None, **sums)


def record_late_capture(session: Session, reversal: Reversal, charge_id: str, amount: int) -> None:
    """Record a capture that was found by a failed reversal; on a closed payment with the error LATE."""
    _write(session, "capture", [(reversal.payment_id, amount, reversal.currency, charge_id, reversal.charge_key)])
    known = {"provider_id": charge_id, "captured": amount, "authorised": 0, "token": None, "next_action": None}
    late = {"error_code": LATE} if reversal.status in CLOSED else {}
    payments.change(session, reversal.payment_id, status=Status.CAPTURED, **known, **late)


def voided(session: Session, reversal: Reversal, charge_id: str | None, key: str) -> None:
    """Close a payment of which nothing was taken and nothing can be. No `charge_id`: the provider held nothing."""
    if charge_id:
        _write(session, "void", [(reversal.payment_id, reversal.left, reversal.currency, charge_id, key)])
    payments.change(session, reversal.payment_id, status=Status.VOIDED, authorised=0, token=None, next_action=None)


_COLUMNS = ("payment_id", "amount", "currency", "provider_id", "key")
_HEARD: dict[str, Any] = {"then": lambda insert: insert.returning(HEARD)}
_WRITE = inserting(
    table_of(TransactionRow), "id", *_COLUMNS, **_HEARD, kind=bindparam("kind", type_=String), at=statement_time()
)


def _write(session: Session, kind: str, rows: Sequence[tuple[str, int, str, str, str]]) -> None:
    """Append `payment_transactions` rows and publish the event of their kind, if any endpoint listens."""
    written = [{"id": new_id(), **dict(zip(_COLUMNS, row, strict=True))} for row in rows]
    if any(_WRITE(session, written, kind=kind).scalars().all()):
        payment_payloads.tell(session, kind, _moved(session, rows))


def _moved(session: Session, rows: Sequence[tuple[str, int, str, str, str]]) -> list[Moved]:
    theirs = execute_core(session, _ORDERS, {"payments": [row[0] for row in rows]}).all()
    orders: dict[str, str] = dict(theirs)
    return [Moved(id, orders[id], amount, currency) for id, amount, currency, *_ in rows]


_ORDERS = select(_PAYMENTS.c.id, _PAYMENTS.c.order_id).where(in_list(_PAYMENTS.c.id, "payments"))
