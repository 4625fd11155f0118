"""Invariants of payments, in the shop's ledger and in the sandbox bank's, which is read over HTTP."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from sqlalchemy import String, and_, case, cast, func, select
from sqlalchemy.orm import Session

from doctor import sandbox_ledger
from doctor.checks import invariant
from engine.states import ENDED, FINAL, Mark
from engine.tables import JournalRow, RunRow
from shop.fulfilment import returns
from shop.fulfilment.returns import ReturnRow
from shop.orders.orders import OrderRow
from shop.orders.states import PaymentStatus, Status
from shop.payments import refund_rows
from shop.payments.payments import PaymentRow, TransactionRow
from shop.payments.refund_rows import RefundRow
from shop.reconciliation import reports
from shop.wallets import grants as wallet_grants
from shop.wallets.grants import WalletGrantRow
from shop.wallets.wallets import WalletEntryRow, WalletRow

Sums = dict[str, int]
NOT_TAKEN = (PaymentStatus.UNPAID, PaymentStatus.PENDING, PaymentStatus.AUTHORISED)
UNDECIDED = (Status.PENDING, Status.CANCELLING)


@invariant("I3", "an order is captured once in the bank's ledger, or in the parts we know of; never above its total")
def captured_once(session: Session) -> Iterator[str]:
    totals = dict(session.execute(select(OrderRow.id, OrderRow.total)).all())
    captures: dict[str, list[int]] = defaultdict(list)
    for entry in sandbox_ledger.books()["entries"]:
        if entry["kind"] == "capture":
            captures[entry["reference"]].append(entry["amount"])
    ours, moving = _our_captures(session), _moving(session)
    for order, amounts in captures.items():
        if order not in totals:
            continue  # doctor/ledger_comparison.py reports all of them at once
        if order not in moving and len(amounts) > max(1, ours.get(order, 0)):
            yield f"order {order} was captured {len(amounts)} times"
        if sum(amounts) > totals[order]:
            yield f"order {order}: {sum(amounts)} captured, {totals[order]} owed at most"


@invariant("I4", "captured minus refunded is what orders are owed")
def money_is_conserved(session: Session) -> Iterator[str]:
    ours = _our_sums(session)
    orders = session.execute(select(OrderRow.id, OrderRow.status, OrderRow.total, OrderRow.payment_status))
    moving, by_hand, returned = _moving(session), _settled_by_hand(session), _returned(session)
    given, not_taken = _given_by_staff(session), _not_taken(session)
    for id, status, total, payment in orders:
        gone = returned.get(id, 0) + given.get(id, 0) + not_taken.get(id, 0)
        owed = total - gone if status == Status.CONFIRMED and payment not in NOT_TAKEN else 0
        if status not in UNDECIDED and id not in moving | by_hand and ours.get(id, 0) != owed:
            yield f"order {id} is {status}: {ours.get(id, 0)} held, {owed} owed"
        if status == Status.CONFIRMED and payment not in NOT_TAKEN and payment not in _fitting(total, ours.get(id, 0)):
            yield f"order {id} is confirmed and {payment}"


@invariant("I9", "one effect per idempotency key: a payment's sums are those of its transactions")
def payments_match_their_transactions(session: Session) -> Iterator[str]:
    row, part = PaymentRow, TransactionRow
    captured = func.coalesce(func.sum(case((part.kind == "capture", part.amount))), 0)
    refunded = func.coalesce(func.sum(case((part.kind == "refund", part.amount))), 0)
    sums = (
        select(row.id, row.captured, row.refunded, captured, refunded)
        .outerjoin(part, part.payment_id == row.id)
        .group_by(row.id)
    )
    for id, held, back, in_ledger, back_in_ledger in session.execute(sums):
        if (held, back) != (in_ledger, back_in_ledger):
            yield f"payment {id} says {held} - {back}, its transactions say {in_ledger} - {back_in_ledger}"
    parts = row.authorised + row.captured
    for id, sum, amount in session.execute(select(row.id, parts, row.amount).where(row.authorised > 0)):
        if sum != amount:
            yield f"payment {id}: {sum} are authorised or captured, of {amount}"


@invariant("I4", "every refund that was done is one transaction, and what is promised was captured")
def refunds_match_their_transactions(session: Session) -> Iterator[str]:
    row, part = RefundRow, TransactionRow
    told = and_(part.key == row.key, part.kind == "refund", part.payment_id == row.payment_id)
    amounts = select(row.id, row.amount, part.amount).outerjoin(part, told).where(row.status == refund_rows.Status.DONE)
    for id, amount, given in session.execute(amounts):
        if amount != given:
            yield f"refund {id} of {amount} is done, its transaction says {given}"
    promised = func.coalesce(func.sum(case((row.status == refund_rows.Status.ASKED, row.amount))), 0)
    left = PaymentRow.captured - PaymentRow.refunded - PaymentRow.settled
    sums = select(PaymentRow.id, left, promised).join(row).group_by(PaymentRow.id)
    for id, left, asked in session.execute(sums):
        if asked > left:
            yield f"payment {id}: {asked} are being given back of {left} that are left"


@invariant("I4", "what is asked for is being given back by a job, or a person is told: no amount is locked")
def no_refund_is_forgotten(session: Session) -> Iterator[str]:
    asked = select(RefundRow.id, RefundRow.key, RefundRow.amount).where(RefundRow.status == refund_rows.Status.ASKED)
    rows = session.execute(asked.order_by(RefundRow.id)).all()
    runs = {row.key.partition(":")[0] for row in rows}
    live = set(session.scalars(select(RunRow.id).where(RunRow.id.in_(runs), RunRow.state.not_in(ENDED))))
    for id, key, amount in rows:
        if key.partition(":")[0] not in live:
            yield f"refund {id} of {amount} is asked for, and no job gives it back any more"


@invariant("I4", "nobody is given back more than was taken, and store credit is the sum of its entries")
def nothing_is_given_twice(session: Session) -> Iterator[str]:
    row, entry = PaymentRow, WalletEntryRow
    over = select(row.id, row.captured, row.refunded + row.settled).where(row.refunded + row.settled > row.captured)
    for id, taken, back in session.execute(over):
        yield f"payment {id}: {back} given back of {taken}"
    same = and_(entry.customer_id == WalletRow.customer_id, entry.currency == WalletRow.currency)
    total = func.coalesce(func.sum(entry.amount), 0)
    sums = select(WalletRow.customer_id, WalletRow.balance, total).outerjoin(entry, same)
    for customer, balance, in_ledger in session.execute(sums.group_by(WalletRow.customer_id, WalletRow.balance)):
        if balance != in_ledger:
            yield f"wallet of {customer} says {balance}, its entries say {in_ledger}"


@invariant(
    "I4", "nobody gives credit to themselves; what a second person approved is one entry, what nobody did is none"
)
def credit_is_given_by_others(session: Session) -> Iterator[str]:
    entry, grant = WalletEntryRow, WalletGrantRow
    own = select(entry.id).where(entry.kind == "grant", entry.by == entry.customer_id)
    for id in session.scalars(own):
        yield f"wallet entry {id} was given by whose it is"
    made = select(grant, entry.amount).outerjoin(entry, entry.key == "grant:" + cast(grant.id, String))
    for row, amount in session.execute(made):
        approved = row.status == wallet_grants.Status.APPROVED
        if amount != (row.amount if approved else None):
            yield f"grant {row.id} of {row.amount} is {row.status}, its entry says {amount}"


@invariant("I4", "every difference that a reconciliation found has been looked into")
def reconciliations_are_settled(session: Session) -> Iterator[str]:
    for row in reports.unsettled(session):
        window = f"{row.since:%Y-%m-%d %H:%M} to {row.until:%Y-%m-%d %H:%M}"
        here = f"{row.missing_here} missing here, {row.missing_there} missing there, {row.different} different"
        here += f", {row.unknown_here} of orders unknown here" if row.unknown_here else ""
        yield f"reconciliation {row.id}, {row.provider}, {window}: {here}"


def _moving(session: Session) -> set[str]:
    """Return the subjects of open runs: of these the bank may be a step ahead."""
    return set(session.scalars(select(RunRow.subject_id).where(RunRow.state.not_in(FINAL))))


def _our_captures(session: Session) -> Sums:
    """Return the number of captures of each order in our ledger."""
    taken = select(PaymentRow.order_id, func.count()).join(TransactionRow, TransactionRow.payment_id == PaymentRow.id)
    counts = taken.where(TransactionRow.kind == "capture").group_by(PaymentRow.order_id)
    return dict(session.execute(counts).all())


def _not_taken(session: Session) -> Sums:
    """Return what is not captured of partly captured payments: still authorised, or voided."""
    row = PaymentRow
    short = select(row.order_id, func.sum(row.amount - row.captured)).where(row.delayed, row.captured > 0)
    return {order: int(amount) for order, amount in session.execute(short.where(~row.spare).group_by(row.order_id))}


def _given_by_staff(session: Session) -> Sums:
    """Return what staff have refunded of each order, and what was given back at the provider without the shop."""
    ours = RefundRow.by.is_not(None) | (RefundRow.destination == refund_rows.OUTSIDE)
    done = ours & RefundRow.status.in_((refund_rows.Status.DONE, refund_rows.Status.SETTLED))
    sums = select(PaymentRow.order_id, func.sum(RefundRow.amount)).join(RefundRow).where(done)
    return {order: int(amount) for order, amount in session.execute(sums.group_by(PaymentRow.order_id))}


def _returned(session: Session) -> Sums:
    """Return what was refunded of each order for returns."""
    paid = select(ReturnRow.order_id, func.sum(ReturnRow.refund)).where(ReturnRow.status == returns.Status.REFUNDED)
    return {order: int(amount) for order, amount in session.execute(paid.group_by(ReturnRow.order_id))}


def _fitting(total: int, held: int) -> tuple[PaymentStatus, ...]:
    """Return the payment statuses that fit a confirmed order of which `held` minor units of `total` are held."""
    if held == total:
        return (PaymentStatus.PAID,) if total else (PaymentStatus.PAID, PaymentStatus.REFUNDED)
    return (PaymentStatus.PARTIALLY_REFUNDED, PaymentStatus.PARTIALLY_PAID) if held else (PaymentStatus.REFUNDED,)


def _settled_by_hand(session: Session) -> set[str]:
    """Return the orders whose refund step was skipped, as an operator had settled it outside of the provider."""
    skipped = and_(JournalRow.run_id == RunRow.id, JournalRow.state == Mark.SKIPPED)
    steps = JournalRow.name.in_(("refund_payment", "charge_payment", "return_late_money"))
    return set(session.scalars(select(RunRow.subject_id).join(JournalRow, skipped).where(steps)))


def _our_sums(session: Session) -> Sums:
    row = PaymentRow
    sums = select(row.order_id, func.sum(row.captured - row.refunded - row.settled)).group_by(row.order_id)
    return dict(session.execute(sums).all())
