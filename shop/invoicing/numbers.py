"""Numbers of invoices and credit notes: each series counts up without a gap, and each number is given once."""

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
    """A series of numbers."""

    INVOICE = "invoice"
    CREDIT_NOTE = "credit_note"


class InvoiceRow(Base):
    """An invoice. `said`: what it keeps of the moment of issue, see invoices.py; None for older ones not read since."""

    __tablename__ = "invoices"

    order_id: Mapped[Id] = mapped_column(ForeignKey("orders.id"), primary_key=True)
    number: Mapped[int] = mapped_column(unique=True)
    issued_at: Mapped[At] = mapped_column(default=transaction_time())
    said: Mapped[dict[str, Any] | None] = mapped_column(DOCUMENT)

    def __str__(self) -> str:
        return f"{self.number:07d}"


class SeriesRow(Base):
    """The last number of a series. Taking the next locks the row until the commit, so that there is no gap."""

    __tablename__ = "number_series"

    name: Mapped[str] = mapped_column(String(20), primary_key=True)
    last: Mapped[int]


def issued(session: Session, order_id: str) -> InvoiceRow | None:
    return session.get(InvoiceRow, order_id, populate_existing=True)


def issue(session: Session, order_id: str) -> InvoiceRow:
    """Lock the order and return its invoice, inserted with the next number if there is none yet."""
    orders.lock(session, order_id)
    row = issued(session, order_id)
    if row is None:
        row = InvoiceRow(order_id=order_id, number=following(session, Series.INVOICE))
        session.add(row)
        session.flush()
        session.refresh(row)
    return row


def following(session: Session, series: Series) -> int:
    """Take and return the next number of this series. Locks the series until the transaction ends."""
    first = upsert(session, SeriesRow).values(name=series, last=1)
    more = first.on_conflict_do_update(index_elements=["name"], set_={"last": SeriesRow.last + 1})
    return int(session.execute(more.returning(SeriesRow.last)).scalar_one())
