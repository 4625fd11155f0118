"""Invariants of invoices and credit notes: numbers without a gap, one credit note per refund, sums within the
invoice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.functions import age
from doctor.checks import invariant
from shop.invoicing import credit_notes
from shop.invoicing import sums as invoice_sums
from shop.invoicing.credit_notes import CreditNoteRow
from shop.invoicing.numbers import InvoiceRow, Series, SeriesRow
from shop.orders.orders import OrderRow
from shop.payments.payments import TransactionRow

DAY = 86400.0  # seconds, within which the clock has written the credit notes due


@invariant("I4", "invoices and credit notes are numbered from 1 to the last that was given, without a gap")
def numbers_have_no_gap(session: Session) -> Iterator[str]:
    given = dict(session.execute(select(SeriesRow.name, SeriesRow.last)).all())
    for series, table in ((Series.INVOICE, InvoiceRow), (Series.CREDIT_NOTE, CreditNoteRow)):
        number = table.number
        many, least, most = session.execute(select(func.count(), func.min(number), func.max(number))).one()
        last = given.get(series, 0)
        if (many, least or 1, most or 0) != (last, 1, last):
            yield f"{series}: {many} numbers from {least} to {most}, the last that was given is {last}"


@invariant("I4", "every refund of an invoiced order has one credit note, which adds up and is within the invoice")
def refunds_have_credit_notes(session: Session) -> Iterator[str]:
    late = credit_notes.due(InvoiceRow.order_id)
    late = late.where(age(TransactionRow.at) > DAY)
    for order in session.scalars(select(InvoiceRow.order_id).where(late.exists())):
        yield f"order {order} has an invoice and a refund without a credit note"
    for order_id in session.scalars(select(CreditNoteRow.order_id).distinct()):
        yield from _sums(session, order_id)


def _sums(session: Session, order_id: str) -> Iterator[str]:
    order = session.get_one(OrderRow, order_id)
    left = Counter({(one.rate, what): getattr(one, what) for one in invoice_sums.by_rate(order) for what in KINDS})
    for row in session.scalars(select(CreditNoteRow).where(CreditNoteRow.order_id == order_id)):
        if sum(part.net + part.tax for part in row.parts) != row.amount:
            yield f"credit note {row} of order {order_id} does not add up to {row.amount}"
        left.subtract({(one.rate, what): getattr(one, what) for one in row.parts for what in KINDS})
    for (rate, what), rest in left.items():
        if rest < 0:
            yield f"the credit notes of order {order_id} have {-rest} {what} at {rate} more than its invoice"


KINDS = ("net", "tax")
