"""Numbers of papers: of each series one after another without a gap, each given once, when it is asked for first."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.functions import transaction_time
from db.schema import DOCUMENT, At, Base, Id
from db.statements import upsert
from shop.orders import orders


class Series(StrEnum):
    INVOICE = "invoice"
    CREDIT_NOTE = "credit_note"


class InvoiceRow(Base):
    """`said`: what it keeps of the moment when it was issued, see invoices.py; of older ones since it was read next."""

    __tablename__ = "invoices"

    order_id: Mapped[Id] = mapped_column(ForeignKey("orders.id"), primary_key=True)
    number: Mapped[int] = mapped_column(unique=True)
    issued_at: Mapped[At] = mapped_column(default=transaction_time())
    said: Mapped[dict[str, Any] | None] = mapped_column(DOCUMENT)

    def __str__(self) -> str:
        return f"{self.number:07d}"


class SeriesRow(Base):
    """The last number that was given. Whoever takes the next holds it until they have committed: so there is no gap."""

    __tablename__ = "number_series"

    name: Mapped[str] = mapped_column(String(20), primary_key=True)
    last: Mapped[int]


def issued(session: Session, order_id: str) -> InvoiceRow | None:
    return session.get(InvoiceRow, order_id, populate_existing=True)


def issue(session: Session, order_id: str) -> InvoiceRow:
    """The invoice of this order, made now if there is none yet. Of two at once the second finds the first one's."""
    orders.lock(session, order_id)
    row = issued(session, order_id)
    if row is None:
        row = InvoiceRow(order_id=order_id, number=following(session, Series.INVOICE))
        session.add(row)
        session.flush()
        session.refresh(row)
    return row


def following(session: Session, series: Series) -> int:
    """The next number of this series, which nobody else takes until this transaction ends."""
    first = upsert(session, SeriesRow).values(name=series, last=1)
    more = first.on_conflict_do_update(index_elements=["name"], set_={"last": SeriesRow.last + 1})
    return int(session.execute(more.returning(SeriesRow.last)).scalar_one())
