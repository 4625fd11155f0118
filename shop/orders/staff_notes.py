"""Notes of staff about an order. No customer sees them; they are never changed, never deleted."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ForeignKey, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.functions import transaction_time
from db.schema import At, Base, Id, new_id
from shop.orders import orders

LONGEST = 2000


class OrderNoteRow(Base):
    __tablename__ = "order_notes"

    id: Mapped[Id] = mapped_column(primary_key=True)
    order_id: Mapped[Id] = mapped_column(ForeignKey("orders.id"), index=True)
    author_id: Mapped[Id]
    text: Mapped[str] = mapped_column(String(LONGEST))
    at: Mapped[At] = mapped_column(default=transaction_time())


def add(session: Session, order_id: str, text: str, *, by: str) -> OrderNoteRow:
    """Insert a note about the order. Raises NotFound."""
    orders.get(session, order_id)
    row = OrderNoteRow(id=new_id(), order_id=order_id, author_id=by, text=text)
    session.add(row)
    session.flush()
    session.refresh(row)
    return row


def of_order(session: Session, order_id: str) -> Sequence[OrderNoteRow]:
    """List the notes of the order, oldest first. Raises NotFound."""
    orders.get(session, order_id)
    row = OrderNoteRow
    return session.scalars(select(row).where(row.order_id == order_id).order_by(row.id)).all()
