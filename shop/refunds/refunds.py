"""Issue refunds of a part of an order's money, or of what is left. A refund is recorded before the provider is asked.

From then on it counts as given: the ceiling holds with two at once, and a repeated call asks for the same amount.
A refund that is refused is closed with its reason and counts no more, so that no money stays blocked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from db.statements import for_update
from engine.outcomes import Outcome, Refused, TryAgain
from shop.orders import orders
from shop.orders.states import Status as OrderStatus
from shop.payments import offline, payments, refund_rows
from shop.payments import status as payment_status
from shop.payments.payments import PaymentRow
from shop.payments.refund_rows import OUTSIDE, WALLET, RefundRow, Status
from shop.wallets import wallets


@dataclass(frozen=True)
class RefundRequest:
    """A refund to issue under the idempotency key `key`.

    amount: minor units; None: all that is left. payment_id: None for the order's payment in use.
    return_id: the return it pays for; `amount` is then a ceiling: less is issued where money went back before.
    """

    key: str
    order_id: str
    amount: int | None
    payment_id: str | None = None
    return_id: str | None = None


@dataclass(frozen=True)
class PayBack:
    """A recorded refund to ask the provider for; `amount` in minor units.

    as_credit: it goes to the wallet, and the provider is only asked whether it has refunded the charge itself.
    """

    refund_id: str
    payment_id: str
    order_id: str
    charge_id: str
    amount: int
    currency: str
    as_credit: bool = False


def ask(session: Session, wishes: Sequence[RefundRequest]) -> dict[str, PayBack | Outcome | None]:
    """Lock the payments, record the refunds and return by key what to ask the provider for. Safe to repeat.

    None: nothing to ask for; nothing was captured, or the refund is done without a provider. Refused: it is more than
    there is, or only possible by hand. TryAgain: a return whose share is still being captured.
    """
    captured = _captured(session, wishes)
    return {wish.key: _ask(session, wish, captured.get(wish.key)) for wish in wishes}


def _captured(session: Session, wishes: Sequence[RefundRequest]) -> dict[str, PaymentRow]:
    """Lock the payment that each wish is about and return it by the wish's key, so that refunds of it take turns."""
    row, orders = PaymentRow, {wish.order_id for wish in wishes}
    some = or_(row.captured > 0, row.authorised > 0)
    taken = select(row).where(row.order_id.in_(orders), some).order_by(row.order_id, row.id)
    rows = session.scalars(for_update(taken)).all()
    return {wish.key: payment for wish in wishes for payment in rows if _is_about(wish, payment)}


def _is_about(wish: RefundRequest, payment: PaymentRow) -> bool:
    if wish.payment_id:
        return payment.id == wish.payment_id
    return payment.order_id == wish.order_id and not payment.spare


def _ask(session: Session, wish: RefundRequest, payment: PaymentRow | None) -> PayBack | Outcome | None:
    if payment is None:
        return None  # nothing was ever taken, so nothing is owed
    there = session.scalars(select(RefundRow).where(RefundRow.key == wish.key)).first()
    if there is None:
        before = _before(session, wish)
        amount = _amount(session, wish, payment, before)
        if isinstance(amount, Outcome):
            return amount
        if amount == 0:
            return None
        there = refund_rows.write(session, wish.key, payment, amount)
        there.return_id = wish.return_id
        _be_like(there, before)
        session.flush()
    back = PayBack(there.id, payment.id, wish.order_id, payment.provider_id or "", there.amount, there.currency)
    if payment.method != "card":
        return _locally(session, there, payment, back)
    if there.destination == WALLET:
        return replace(back, as_credit=True) if there.status == Status.ASKED else None
    return back


def _amount(session: Session, wish: RefundRequest, payment: PaymentRow, before: RefundRow | None) -> int | Outcome:
    """Return the amount to refund, at most what is left; 0: all went back by another way.

    A first wish for more than that is refused; an operator's retry, or a wish for goods, is cut to it.
    """
    room = refund_rows.left(session, payment)
    if wish.return_id:
        return _of_goods(session, wish.amount or 0, payment)
    if before:
        return min(before.amount, room)
    wanted = room if wish.amount is None else wish.amount
    return wanted if wanted <= room else _too_much(wanted, room)


def _of_goods(session: Session, due: int, payment: PaymentRow) -> int | Outcome:
    """Return the amount for returned goods; TryAgain where their parcel's share is not captured yet."""
    wanted, room = min(due, refund_rows.not_given(session, payment)), refund_rows.left(session, payment)
    if wanted > room and payment.authorised:
        return TryAgain("capture_under_way", f"{wanted} are to be given back and {room} are captured")
    return min(wanted, room)


def _too_much(wanted: int, room: int) -> Outcome:
    return Refused("refund_exceeds_payment", f"{wanted} are to be given back and {room} are left")


def _before(session: Session, wish: RefundRequest) -> RefundRow | None:
    """Find the run's refund by staff that the provider refused: an operator's retry has another key."""
    return session.scalars(refund_rows.of_run(wish.key.partition(":")[0]).where(RefundRow.by.is_not(None))).first()


def _be_like(row: RefundRow, before: RefundRow | None) -> None:
    if before:
        row.reason, row.destination, row.by = before.reason, before.destination, before.by


def _locally(session: Session, row: RefundRow, payment: PaymentRow, back: PayBack) -> Outcome | None:
    if row.status != Status.ASKED:
        return None
    no = _give(session, row, payment)
    if no:
        refused(session, back, no.code)
    return no


def _give(session: Session, row: RefundRow, payment: PaymentRow) -> Outcome | None:
    if row.destination == WALLET:
        return _as_credit(session, row, payment)
    no = offline.refund(session, payment, row.amount, row.key)
    if no is None:
        refund_rows.end(session, row.id, status=Status.DONE)
    return no


def give_credit(session: Session, back: PayBack, gone: int | None) -> Outcome | None:
    """Lock the payment and refund to the wallet; None: done, now or before. Safe to repeat.

    gone: how much of the charge the provider has refunded in all, in minor units; None: not known. Returns Refused
    when that leaves too little, when the order has no account, or when the refund was withdrawn meanwhile.
    """
    payment = payments.lock_all(session, [back.payment_id])[back.payment_id]
    row = session.get_one(RefundRow, back.refund_id)
    if row.status == Status.REFUSED:
        return Refused(row.error_code or "refused", "The refund was withdrawn meanwhile.")
    if row.status != Status.ASKED:
        return None
    if gone is not None and gone - payment.refunded > refund_rows.left(session, payment):
        return Refused("refund_exceeds_charge", "Some of it was given back by the provider, not by us.")
    return _as_credit(session, row, payment)


def _as_credit(session: Session, row: RefundRow, payment: PaymentRow) -> Outcome | None:
    customer = orders.get(session, payment.order_id).customer_id
    credit: dict[str, Any] = {"kind": "refund", "key": row.key, "note": row.reason, "by": row.by}
    credit["payment_id"] = payment.id
    if customer is None or not wallets.move(session, customer, row.amount, row.currency, **credit):
        return Refused("no_wallet", "Nobody has an account that store credit could be given to.")
    settle(session, row, payment, "wallet")
    return None


def settle(session: Session, row: RefundRow, payment: PaymentRow, how: str) -> None:
    """Close a refund that was given back otherwise than by the provider; `how`: "wallet" or "by hand"."""
    refund_rows.end(session, row.id, status=Status.SETTLED)
    count_settled(session, payment, row.amount, how, row.key)


def count_settled(session: Session, payment: PaymentRow, amount: int, how: str, key: str) -> None:
    """Append a `settle` transaction to a locked payment and update its sums and status; `amount` in minor units."""
    payments.record_transaction(session, payment, "settle", amount, how, key)
    payment.settled += amount
    payment_status.sync_status(session, payment)


def done(session: Session, back: PayBack, provider_id: str, key: str) -> None:
    """Record that the provider has made the refund; `provider_id`: its id there."""
    refund_rows.end(session, back.refund_id, status=Status.DONE)
    payment = payments.lock_all(session, [back.payment_id])[back.payment_id]
    payments.record_transaction(session, payment, "refund", back.amount, provider_id, key)
    payment.refunded += back.amount
    payment_status.sync_status(session, payment)


def learn(session: Session, payment_id: str, given_back: int) -> None:
    """Record what the provider refunded without being asked; `given_back`: the charge's refunds in all, minor units.

    Nothing is recorded while a refund of ours is under way or the order is pending and may be undone: the provider may
    mean those.
    """
    payment = payments.lock_all(session, [payment_id])[payment_id]
    more, key = given_back - payment.refunded, f"{payment.provider_id}:{OUTSIDE}:{given_back}"
    pending = orders.get(session, payment.order_id).status == OrderStatus.PENDING
    if pending or refund_rows.under_way(session, payment) or not 0 < more <= refund_rows.left(session, payment):
        return
    row = refund_rows.write(session, key, payment, more)
    row.destination, row.reason, row.status = OUTSIDE, "given back by the provider, not by us", Status.DONE
    payments.record_transaction(session, payment, "refund", more, key, key)
    payment.refunded += more
    payment_status.sync_status(session, payment)


def refused(session: Session, back: PayBack, code: str) -> None:
    """Close a refund that was refused for good: its amount is free again."""
    refund_rows.end(session, back.refund_id, status=Status.REFUSED, error_code=code)
