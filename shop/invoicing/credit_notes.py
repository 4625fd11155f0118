"""Credit notes: one for each refund of an order that has an invoice, numbered one after another without a gap.

Like an invoice, a note is issued when it is asked for first; the clock asks for those of invoiced orders every hour.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Select, String, exists, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.functions import transaction_time
from db.schema import DOCUMENT, At, Base, Document, Id
from letters.papers import Facts, Part
from shop.fulfilment.returns import ReturnLineRow
from shop.invoicing import invoices, sellers
from shop.invoicing import numbers as invoice_numbers
from shop.invoicing import sums as invoice_sums
from shop.invoicing.numbers import InvoiceRow, Series
from shop.kernel.errors import NotFound
from shop.orders import orders, quantities
from shop.orders.orders import OrderRow
from shop.payments.payments import PaymentRow, TransactionRow
from shop.payments.refund_rows import RefundRow

GIVEN_BACK = ("refund", "settle")


class CreditNoteRow(Base):
    """A credit note. `id`: of the `refund` or `settle` transaction it is for; `taxes`: the `amount` by tax rate."""

    __tablename__ = "credit_notes"

    id: Mapped[Id] = mapped_column(ForeignKey("payment_transactions.id"), primary_key=True)
    order_id: Mapped[Id] = mapped_column(ForeignKey("invoices.order_id"), index=True)
    number: Mapped[int] = mapped_column(unique=True)
    amount: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    taxes: Mapped[list[dict[str, Any]]] = mapped_column(DOCUMENT)
    said: Mapped[Document]
    issued_at: Mapped[At] = mapped_column(default=transaction_time())

    def __str__(self) -> str:
        return f"CN{self.number:07d}"

    @property
    def parts(self) -> list[Part]:
        return [Part(**one) for one in self.taxes]


def of(session: Session, order: OrderRow) -> Sequence[CreditNoteRow]:
    """List the order's credit notes by number, and issue those that are due. Locks the order if any are.

    The invoice is issued first; an order that can have no invoice has no credit notes. Raises SellerUnknown.
    """
    invoiced = invoice_numbers.issued(session, order.id) or order.payment_status in invoices.PAID
    if invoiced and session.scalars(due(order.id)).first():
        _issue(session, order)
    mine = select(CreditNoteRow).where(CreditNoteRow.order_id == order.id)
    return session.scalars(mine.order_by(CreditNoteRow.number)).all()


def get(session: Session, order: OrderRow, id: str) -> CreditNoteRow:
    """Return one of the notes that `of` lists, or raise NotFound."""
    for row in of(session, order):
        if row.id == id:
            return row
    raise NotFound("There is no such credit note.")


def facts(order: OrderRow, row: CreditNoteRow) -> Facts:
    said = row.said
    return Facts(
        number=str(row),
        day=date.fromisoformat(said["day"]),
        rates=row.parts,
        total=row.amount,
        invoice=(said["invoice"], date.fromisoformat(said["invoice_day"])),
        **invoices.parties(order, said),
    )


def issue_due(session: Session) -> int:
    """Issue the due notes of one invoiced order and return how many; 0: none are due, or the seller is unknown.

    One order for each transaction, so that the lock on the numbers never waits for another order.
    """
    if not sellers.is_known_here():
        return 0
    late = due(InvoiceRow.order_id).exists()
    order_id = session.scalars(select(InvoiceRow.order_id).where(late).order_by(InvoiceRow.number).limit(1)).first()
    return _issue(session, orders.get(session, order_id)) if order_id else 0


def due(order_id: Any) -> Select[TransactionRow]:
    """Select the refunds and settlements of this order that have no note, oldest first."""
    done, paid = TransactionRow, PaymentRow
    mine = (paid.order_id == order_id, paid.spare.is_(False), done.kind.in_(GIVEN_BACK))
    noted = exists().where(CreditNoteRow.id == done.id)
    return select(done).join(paid, paid.id == done.payment_id).where(*mine, ~noted).order_by(done.at, done.id)


def _issue(session: Session, order: OrderRow) -> int:
    orders.lock(session, order.id)
    invoice = invoices.issue(session, order)
    late = session.scalars(due(order.id)).all()
    for done in late:
        _write(session, order, invoice, done)
    return len(late)


def _goods(session: Session, order: OrderRow, done: TransactionRow) -> dict[int | None, int]:
    """Return the worth of the returned goods that a refund was for, by tax rate, in minor units; empty: for none."""
    for_goods = select(RefundRow.return_id).where(RefundRow.key == done.key)
    came = select(ReturnLineRow.sku, ReturnLineRow.received).where(ReturnLineRow.return_id.in_(for_goods))
    rates, worths = {line.sku: line.tax_rate for line in order.lines}, Counter[int | None]()
    for sku, quantity in session.execute(came):
        worths[rates[sku]] += quantities.worth(order, {sku: quantity})
    return dict(worths)


def _write(session: Session, order: OrderRow, invoice: InvoiceRow, done: TransactionRow) -> None:
    there = session.scalars(select(CreditNoteRow).where(CreditNoteRow.order_id == order.id))
    before = [part for row in there for part in row.parts]
    parts = invoice_sums.given_back(order, before, done.amount, _goods(session, order, done))
    row = CreditNoteRow(id=done.id, order_id=order.id, currency=done.currency, said={})
    row.number = invoice_numbers.following(session, Series.CREDIT_NOTE)
    row.amount = sum(part.net + part.tax for part in parts)
    row.taxes = [{"rate": part.rate, "net": part.net, "tax": part.tax} for part in parts]
    session.add(row)
    session.flush()
    session.refresh(row)
    of_invoice = {"invoice": str(invoice), "invoice_day": (invoice.said or {})["day"]}
    row.said = {**invoices.frame(session, order, row.issued_at), **of_invoice}
    session.flush()
