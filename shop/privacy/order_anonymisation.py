"""Anonymisation of deleted accounts' orders, once they are over; what was bought and paid stays.

While goods or money are on their way, name and address are needed: the periodic task tries again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, String, cast, exists, or_, select, update
from sqlalchemy.orm import Session

import engine
from db.functions import age
from db.statements import for_update
from shop.accounts.users import UserRow
from shop.bank_transfers.transfers import BankTransferRow
from shop.fulfilment import parcels, returns
from shop.fulfilment.parcels import FulfilmentRow
from shop.fulfilment.returns import ReturnRow
from shop.notifications.outbox import NotificationRow
from shop.orders.orders import OrderRow
from shop.orders.staff_notes import OrderNoteRow
from shop.orders.states import GIVEN_UP, FulfilmentStatus, Status
from shop.payments.payments import PaymentRow

SILENT_DAYS = 60  # a parcel without news for so long counts as delivered
NOBODY = ""  # the e-mail address of an anonymised order


def due(session: Session, *, customer_id: str | None = None, limit: int = 200) -> list[str]:
    """List orders that can be anonymised now, without those that a run is still about. Their rows are locked."""
    query = select(OrderRow).join(UserRow, UserRow.id == OrderRow.customer_id).where(*forgettable())
    if customer_id:
        query = query.where(OrderRow.customer_id == customer_id)
    query = query.order_by(OrderRow.id).limit(limit)
    return [order.id for order in session.scalars(for_update(query, of=OrderRow))]


def forgettable() -> tuple[ColumnElement[bool], ...]:
    """Return the conditions for anonymising an order: its customer is deleted, it is over, and not anonymised yet."""
    known = (UserRow.deleted_at.is_not(None), OrderRow.email != NOBODY)
    return (*known, cast(OrderRow.id, String).not_in(engine.busy("order")), or_(_came_to_nothing(), _is_at_home()))


def forget(session: Session, ids: Sequence[str]) -> None:
    """Anonymise these orders, and their returns, notes, parcels, payments and notifications.

    Figures, goods and the country stay. The caller has locked the orders (see `due`).
    """
    for order in session.scalars(select(OrderRow).where(OrderRow.id.in_(ids))):
        order.email, order.cart_id = NOBODY, order.id
        order.shipping_address = _country(order.shipping_address)
        order.billing_address = _country(order.billing_address) if order.billing_address else None
        order.vat_id = None
    session.flush()
    backs = select(ReturnRow.id).where(ReturnRow.order_id.in_(ids))
    about = or_(NotificationRow.subject_id.in_(ids), NotificationRow.subject_id.in_(backs))
    _set(session, NotificationRow, about, recipient=NOBODY, detail=None, content=None)
    _set(session, OrderNoteRow, OrderNoteRow.order_id.in_(ids), text="")
    _set(session, ReturnRow, ReturnRow.order_id.in_(ids), reason="", answer=None)
    _set(session, FulfilmentRow, FulfilmentRow.order_id.in_(ids), tracking=None)
    _set(session, BankTransferRow, BankTransferRow.order_id.in_(ids), reference="")
    _set(session, PaymentRow, PaymentRow.order_id.in_(ids), token=None, next_action=None)


def _country(address: Mapping[str, Any]) -> dict[str, Any]:
    return {"country": address.get("country", "")}


def _came_to_nothing() -> ColumnElement[bool]:
    return OrderRow.status.in_(GIVEN_UP)


def _is_at_home() -> ColumnElement[bool]:
    """Return the condition that everything has arrived, and nothing is on its way back."""
    parcel, back = FulfilmentRow, ReturnRow
    heard_of = age(parcel.updated_at) < SILENT_DAYS * 86400
    on_its_way = or_(parcel.status == parcels.Status.PENDING, (parcel.status == parcels.Status.SHIPPED) & heard_of)
    coming_back = back.status.in_((returns.Status.REQUESTED, returns.Status.RECEIVED))
    return (
        OrderRow.status.in_((Status.CONFIRMED,))
        & (OrderRow.fulfilment_status == FulfilmentStatus.FULFILLED)
        & ~exists().where(parcel.order_id == OrderRow.id, on_its_way)
        & ~exists().where(back.order_id == OrderRow.id, coming_back)
    )


def _set(session: Session, table: type[Any], where: ColumnElement[bool], **values: object) -> None:
    changing = update(table).where(where).values(values)
    session.execute(changing.execution_options(synchronize_session=False))
