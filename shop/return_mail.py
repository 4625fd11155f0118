"""What is said to a customer about a return: once for each return and event."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from shop import notifications
from shop.notifications import OrderMail
from shop.orders import OrderRow
from shop.returns import ReturnRow, Status


@dataclass(frozen=True)
class ReturnMail:
    """`goods`: what is to come back, in words."""

    order: OrderMail
    goods: Sequence[str]
    answer: str

    @property
    def id(self) -> str:
        return self.order.id


def begin(session: Session, event: str, ids: Sequence[str], standing: Status) -> dict[str, ReturnMail]:
    """By return. Leaves out those who have been told already, and those of whom it is not true any more."""
    query = select(ReturnRow, OrderRow).join(OrderRow, OrderRow.id == ReturnRow.order_id).where(ReturnRow.id.in_(ids))
    rows = session.execute(query.where(ReturnRow.status == standing, OrderRow.email != "")).all()
    sending = notifications.note(session, event, {row.id: order.email for row, order in rows})
    return {row.id: _mail(sending[row.id], row, order) for row, order in rows if row.id in sending}


def _mail(id: str, row: ReturnRow, order: OrderRow) -> ReturnMail:
    names = {line.sku: line.name for line in order.lines}
    goods = [f"{line.quantity} x {names[line.sku]}" for line in row.lines]
    return ReturnMail(notifications.mail_of(id, order), goods, row.answer or "")
