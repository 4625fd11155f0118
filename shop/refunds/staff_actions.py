"""What staff say of refunds: give so much back, it is not to be after all, it was settled by hand."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.statements import for_update
from shop.accounts import users
from shop.kernel.errors import IllegalMove, Refusal
from shop.orders import orders
from shop.payments import payments, refund_rows
from shop.payments.charges import LATE
from shop.payments.payments import PaymentRow
from shop.payments.refund_rows import RefundRow, Status
from shop.refunds import refunds


class RefundTooMuch(Refusal):
    code, title = "refund_exceeds_payment", "More than there is to give back"


class NoWallet(Refusal):
    """A guest, or an account that was deleted: nobody could spend the credit."""

    code, title = "no_wallet", "Nobody has a wallet here"


def request_refund(
    session: Session, key: str, payment_id: str, amount: int | None, *, reason: str, destination: str, by: str
) -> RefundRow:
    """Staff give some of it back, or all that is left: it counts from now on. RefundTooMuch, NoWallet."""
    payment = payments.lock_all(session, [payment_id])[payment_id]
    if destination == refund_rows.WALLET:
        _check_wallet(session, payment)
    left = refund_rows.left(session, payment)
    wanted = left if amount is None else amount
    if not 0 < wanted <= left:
        raise RefundTooMuch(f"{wanted} are to be given back and {left} are left.", left=left)
    row = refund_rows.write(session, key, payment, wanted)
    row.reason, row.destination, row.by = reason, destination, by
    session.flush()
    return row


def _check_wallet(session: Session, payment: PaymentRow) -> None:
    customer = orders.get(session, payment.order_id).customer_id
    if customer is None or not users.hold(session, customer):
        raise NoWallet("Nobody has an account that store credit could be given to. Give it back to its source.")


def cancel_request(session: Session, runs: Sequence[str], why: str = "withdrawn") -> None:
    """These runs give nothing back any more: what they had asked for is free again."""
    for run in runs:
        for row in session.scalars(refund_rows.of_run(run).where(RefundRow.status == Status.ASKED)):
            refund_rows.end(session, row.id, status=Status.REFUSED, error_code=why)


def settle_by_hand(session: Session, run_id: str, order_id: str, most: int | None) -> None:
    """What this run could not give back, `most` if it was for a part, was given back by hand.

    IllegalMove: there is nothing of the kind.
    """
    row = session.scalars(refund_rows.of_run(run_id)).first()
    if row is not None and row.status in (Status.ASKED, Status.REFUSED):
        payment = payments.lock_all(session, [row.payment_id])[row.payment_id]
        room = refund_rows.left(session, payment) + (row.amount if row.status == Status.ASKED else 0)
        _check_room(row.amount, room)
        refunds.settle(session, row, payment, "by hand")
        return
    found = _taken(session, run_id, order_id) if row is None else None
    if found is None:
        raise IllegalMove("This job has nothing to give back that could be settled by hand; skip its step instead.")
    left = refund_rows.left(session, found)
    refunds.count_settled(session, found, left if most is None else min(left, most), "by hand", f"{run_id}:settled")


def _taken(session: Session, run_id: str, order_id: str) -> PaymentRow | None:
    """What was taken for this order and not given back: by this very run, or too late, or otherwise."""
    row = PaymentRow
    taken = for_update(select(row).where(row.order_id == order_id, row.captured > 0).order_by(row.id))
    theirs = [one for one in session.scalars(taken) if refund_rows.left(session, one)]
    by_this_run = [one for one in theirs if (one.charge_key or "").startswith(f"{run_id}:")]
    return next(iter([*by_this_run, *(one for one in theirs if one.error_code == LATE), *theirs]), None)


def _check_room(amount: int, room: int) -> None:
    if amount > room:
        raise RefundTooMuch(f"{amount} are to be given back and {room} are left.", left=room)
