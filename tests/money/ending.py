"""How a story ends, and the judges: the bank, the wallet, the shelf, and our own books."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

import db
from doctor.bank_transfers import transfers_are_captured_once
from engine import ENDED
from engine.tables import RunRow
from shop.bank_transfers.transfers import BankTransferRow
from shop.fulfilment.returns import ReturnRow
from shop.fulfilment.returns import Status as ReturnStatus
from shop.orders import orders
from shop.orders.orders import OrderRow
from shop.orders.quantities import worth
from shop.orders.states import GIVEN_UP
from shop.payments import refund_rows
from shop.payments.payments import PaymentRow, TransactionRow
from shop.payments.refund_rows import RefundRow
from shop.payments.refund_rows import Status as RefundStatus
from shop.pricing.coupon_redemptions import CouponRedemptionRow
from shop.pricing.offers import OfferRow
from shop.stock.tables import StockRow
from shop.wallets import wallets
from shop.wallets.wallets import WalletEntryRow, WalletRow
from tests.api.inline_worker import drive
from tests.money import shop, waiting

ROUNDS = 12


def end(story: Any) -> None:
    """The bank is friendly again, workers work, and a person does what the documents say. Then nothing is open."""
    story.bank.refuses.clear()
    for turn in range(ROUNDS):
        shop.let_time_pass(story.order)
        waiting.time_is_over(story.order)
        waiting.look_again(story.order)
        for run in shop.runs(story.order):
            drive(run.id, 20)
        stuck = shop.needing_a_person(story.order)
        if turn and not stuck and not shop.runs(story.order):
            break
        if turn == 0:
            shop.verify(story.order)
        for run in stuck:
            shop.act(run, "retry" if turn < 2 else "settle", story) or shop.act(run, "skip", story)
    for transfer in waiting.held(story.order):
        waiting.settle(transfer)
    with db.reading() as session:
        _everything_ended(session, story)
        _transfers(session, story)
        _money(session, story)
        _wallet(session, story)
        _shelf(session, story)
        _coupon(session, story)


def _everything_ended(session: Any, story: Any) -> None:
    row = RunRow
    mine = select(row.workflow, row.state, row.task, row.hold, row.error).where(row.subject_id == story.order)
    still_open = session.execute(mine.where(row.state.not_in(ENDED))).all()
    assert still_open == [], "nothing that a person can do brings it to an end"


def _money(session: Any, story: Any) -> None:
    order = orders.get(session, story.order)
    rows = session.scalars(select(PaymentRow).where(PaymentRow.order_id == order.id)).all()
    for row in rows:
        assert 0 <= row.refunded + row.settled <= row.captured, "more went back than was taken"
        assert refund_rows.under_way(session, row) == 0, "an amount is locked"
        _is_the_sum_of_its_transactions(session, row)
    by_card = sum(row.captured - row.refunded for row in rows if row.method == "card")
    assert by_card == story.bank.kept(order.id), "our books are not the bank's"
    for row in rows:
        if row.spare or order.status in GIVEN_UP:
            kept = row.captured - row.refunded - row.settled
            assert kept == 0 or story.given_up, f"{kept} are kept of an order that is {order.status}"
    [first] = [row for row in rows if not row.spare]
    if order.status not in GIVEN_UP:
        _what_is_owed(session, order, first, story)


def _transfers(session: Session, story: Any) -> None:
    """What came has paid for a payment that waited for money, all of it and once, or a person has looked into it."""
    assert waiting.held(story.order) == [], "nobody can say what money was for"
    row, payment = BankTransferRow, PaymentRow
    paid = select(payment).join(row, row.payment_id == payment.id).where(row.order_id == story.order)
    for one in session.scalars(paid):
        assert (one.order_id, one.captured) == (story.order, one.amount), "a transfer has paid for something else"
        assert one.method != "card", "it was to be taken from a card"
    assert list(transfers_are_captured_once(session)) == []


def _is_the_sum_of_its_transactions(session: Any, row: PaymentRow) -> None:
    part = TransactionRow
    sums = select(part.kind, func.sum(part.amount)).where(part.payment_id == row.id).group_by(part.kind)
    said = {kind: int(amount) for kind, amount in session.execute(sums)}
    ours = {"capture": row.captured, "refund": row.refunded, "settle": row.settled}
    assert ours == {kind: said.get(kind, 0) for kind in ours}, "its log says something else"


def _what_is_owed(session: Any, order: OrderRow, first: PaymentRow, story: Any) -> None:
    """Of an order that stands: what staff gave, and what came back is worth, and not a cent more or less."""
    back = ReturnRow.order_id == order.id, ReturnRow.status == ReturnStatus.REFUNDED
    came = session.scalars(select(ReturnRow).where(*back)).all()
    given = (RefundStatus.DONE, RefundStatus.SETTLED)
    mine = select(RefundRow).where(RefundRow.payment_id == first.id, RefundRow.status.in_(given))
    by_staff = sum(row.amount for row in session.scalars(mine) if row.by or row.destination == refund_rows.OUTSIDE)
    for_goods = sum(row.refund for row in came)
    gone = first.refunded + first.settled
    assert by_staff + for_goods == gone or story.given_up, "what went back is neither staff's nor for goods"
    lines: dict[str, int] = {}
    for row in came:
        for line in row.lines:
            lines[line.sku] = lines.get(line.sku, 0) + line.received
    due = sum(row.due for row in came)
    whole = {line.sku: line.quantity for line in order.lines}
    assert due <= worth(order, lines), "more is due than came back is worth"
    least = worth(order, lines) - (0 if lines == whole else order.discount + _shipping_that_was_free(order))
    assert due >= least, "more is kept back than the order had got off"
    assert for_goods <= due
    paid_before = all(row.received_at >= first.updated_at for row in came) and first.method == "card"
    if came and paid_before and not story.given_up and first.captured == order.total:
        assert gone >= min(due, first.captured), "goods came back and were not paid for"


def _shipping_that_was_free(order: OrderRow) -> int:
    return sum(one["shipping"] for one in order.conditions or [])


def _wallet(session: Any, story: Any) -> None:
    if story.customer is None:
        return
    entry = WalletEntryRow
    sums = select(func.coalesce(func.sum(entry.amount), 0)).where(entry.customer_id == story.customer)
    balance = wallets.balance(session, story.customer, "EUR")
    assert balance == session.scalar(sums) >= 0
    assert balance == 0 or not _has_left(session, story.customer), "credit that nobody can spend"
    of_order = select(entry.kind, func.sum(entry.amount)).join(PaymentRow, PaymentRow.id == entry.payment_id)
    moved = dict(session.execute(of_order.where(PaymentRow.order_id == story.order).group_by(entry.kind)).all())
    rows = session.scalars(select(PaymentRow).where(PaymentRow.order_id == story.order)).all()
    taken = sum(row.captured for row in rows if row.method == "wallet")
    assert -int(moved.get("payment", 0)) == taken
    assert session.scalar(select(func.count()).select_from(WalletRow).where(WalletRow.balance < 0)) == 0


def _has_left(session: Any, customer: str) -> bool:
    return not shop.is_there(session, customer)


def _shelf(session: Any, story: Any) -> None:
    order = orders.get(session, story.order)
    wanted = {line.sku: line.quantity for line in order.lines}
    back = select(ReturnRow).where(ReturnRow.order_id == order.id, ReturnRow.status == ReturnStatus.REFUNDED)
    again: dict[str, int] = {}
    for row in session.scalars(back):
        for line in row.lines:
            again[line.sku] = again.get(line.sku, 0) + line.resellable
    for sku in story.sku.values():
        level = session.get_one(StockRow, sku)
        sold = 0 if order.status in GIVEN_UP else wanted.get(sku, 0)
        assert (level.on_hand, level.reserved) == (shop.ON_HAND - sold + again.get(sku, 0), 0), (
            "goods are gone, or held"
        )


def _coupon(session: Any, story: Any) -> None:
    if story.code is None:
        return
    order = orders.get(session, story.order)
    use = CouponRedemptionRow
    live = select(func.count()).where(use.order_id == order.id, use.given_back_at.is_(None))
    said = session.scalar(select(OfferRow.uses).where(OfferRow.code == story.code))
    assert said == session.scalar(live) == (0 if order.status in GIVEN_UP else 1), "a coupon is locked, or free twice"
