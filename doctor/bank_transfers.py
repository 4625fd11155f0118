"""Invariants of bank transfers to the shop's account."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.functions import age, read_clock
from doctor import sandbox_ledger
from doctor.checks import invariant
from shop.bank_transfers.matching import key_of
from shop.bank_transfers.transfers import BankTransferRow, Problem
from shop.payments.payments import PaymentRow, TransactionRow

LATE = 3600.0  # seconds, within which the clock has fetched transfers several times


@invariant("I4", "every transfer that came is written down here")
def transfers_are_here(session: Session) -> Iterator[str]:
    known = {id for (id,) in session.execute(select(BankTransferRow.transfer_id))}
    current = read_clock(session)
    for told in sandbox_ledger.books()["transfers"]:
        old = (current - datetime.fromisoformat(told["at"])).total_seconds() > LATE
        if old and told["id"] not in known:
            yield f"transfer {told['id']} of {told['amount']} {told['currency']} came to the bank and is not here"


@invariant("I4", "every transfer has paid for something, or was looked into")
def transfers_are_looked_into(session: Session) -> Iterator[str]:
    row = BankTransferRow
    hopeful = (row.problem == Problem.UNDER_WAY) & (age(row.created_at) < LATE)
    for one in session.scalars(select(row).where(row.closed_at.is_(None), ~hopeful).order_by(row.id)):
        about = f", order {one.order_id}" if one.order_id else ""
        yield f"transfer {one.id} of {one.amount} {one.currency} is held for nothing: {one.problem}{about}"


@invariant("I9", "a transfer that has paid is one capture, of its currency and of no more than came")
def transfers_are_captured_once(session: Session) -> Iterator[str]:
    row, payment = BankTransferRow, PaymentRow
    keyed: dict[str, TransactionRow] = {
        one.key: one for one in session.scalars(select(TransactionRow).where(TransactionRow.key.like(key_of("%"))))
    }
    for one, amount in session.execute(select(row, payment.amount).join(payment, payment.id == row.payment_id)):
        told = keyed.pop(key_of(one.id), None)
        fits = told and (told.kind, told.payment_id, told.amount) == ("capture", one.payment_id, amount)
        if not (told and fits and told.currency == one.currency and told.amount <= one.amount):
            yield f"transfer {one.id} is said to have paid payment {one.payment_id}, whose transactions say otherwise"
    for key in keyed:
        yield f"a capture was made by {key}, which has paid for nothing"
