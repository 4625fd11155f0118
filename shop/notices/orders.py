"""Messages to customers about their orders. They state only what is committed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.orm import Session

from config import settings
from db.functions import in_list
from db.statements import execute_core, table_of
from shop.accounts.users import UserRow
from shop.notifications import outbox
from shop.notifications.notice import Notice
from shop.notifications.outbox import NotificationRequest, NotificationRow, marked
from shop.orders import guest_tokens, orders
from shop.orders.orders import OrderRow
from shop.orders.states import PaymentStatus, Status
from shop.payments import payments
from shop.payments.payments import PaymentRow
from shop.stock.tables import ReservationRow

_ORDER, _USER, _PAYMENT = table_of(OrderRow).c, table_of(UserRow).c, table_of(PaymentRow).c
_METHOD = select(_PAYMENT.method).where(_PAYMENT.order_id == _ORDER.id, ~_PAYMENT.spare).limit(1).scalar_subquery()
_BY_TRANSFER = and_(_ORDER.payment_status == PaymentStatus.PENDING, _METHOD == "bank_transfer")
_DECLINED = exists().where(
    *(_PAYMENT.order_id == _ORDER.id, ~_PAYMENT.spare),
    *(_PAYMENT.status == payments.Status.REFUSED, _PAYMENT.next_action.is_not(None)),
)
_PROVEN = and_(_USER.email == _ORDER.email, _USER.email_verified_at.is_not(None))
_LATE = exists().where(ReservationRow.order_id == _ORDER.id, ReservationRow.backordered > 0)
ORDERS = (
    select(
        *table_of(OrderRow).c,
        func.coalesce(_USER.language, _ORDER.language).label("spoken"),
        _BY_TRANSFER.label("by_transfer"),
        _DECLINED.label("declined"),
        _LATE.label("late"),
        _PROVEN.label("proven"),
    )
    .outerjoin(table_of(UserRow), _USER.id == _ORDER.customer_id)
    .where(_ORDER.email != "")
)
"""Orders that are not anonymised, with the language of their customer and the facts that `notice` needs."""

TAKEN = frozenset(
    {PaymentStatus.PARTIALLY_PAID, PaymentStatus.PAID, PaymentStatus.PARTIALLY_REFUNDED, PaymentStatus.REFUNDED}
)
"""Payment states in which money was captured for the order, whatever became of it since."""

TRUE_WHILE: Mapping[str, ColumnElement[bool]] = {
    "order_confirmed": _ORDER.status == Status.CONFIRMED,
    "order_cancelled": _ORDER.status == Status.CANCELLED,
    "payment_action": and_(
        _ORDER.status == Status.PENDING,
        or_(_ORDER.payment_status == PaymentStatus.ACTION_REQUIRED, _BY_TRANSFER, _DECLINED),
    ),
    "order_expired": and_(_ORDER.status == Status.FAILED, _ORDER.payment_status.not_in(TAKEN)),
    "order_link": _ORDER.customer_id.is_(None),
}
_WAVES = {kind: ORDERS.where(in_list(_ORDER.id, "orders"), true) for kind, true in TRUE_WHILE.items()}
_KNOWN = ORDERS.where(in_list(_ORDER.id, "orders"))


def begin(
    session: Session, kind: str, turns: Mapping[str, str | None], *, solicited: bool = False
) -> dict[str, Notice]:
    """Record the notifications that the calling run is about to send. `turns`: by order, as NotificationRequest has it.

    Returns the notices by order. Leaves out orders that have been notified, those for which TRUE_WHILE does not hold
    any more, and anonymised ones.
    """
    found = {row.id: row for row in execute_core(session, _WAVES[kind], {"orders": list(turns)})}
    tellings = [
        NotificationRequest(kind, row.id, row.email, turns[row.id], unasked=unasked(row)) for row in found.values()
    ]
    begun = outbox.note(session, tellings, solicited=solicited)
    return {one.subject_id: marked(notice(id, kind, found[one.subject_id]), one) for one, id in begun.items()}


def of_row(session: Session, row: NotificationRow) -> Notice | None:
    """Build the notice of a row. None: TRUE_WHILE does not hold any more, or the order is anonymised."""
    order = session.execute(ORDERS.where(_ORDER.id == row.subject_id, TRUE_WHILE[row.kind])).first()
    return notice(row.id, row.kind, order) if order else None


def known(session: Session, ids: Sequence[str]) -> dict[str, Any]:
    """Load the rows that `notice` needs, by order. Anonymised orders are left out."""
    return {row.id: row for row in execute_core(session, _KNOWN, {"orders": list(ids)})}


def notice(id: str, kind: str, order: Any, **more: Any) -> Notice:
    return Notice(id, kind, order.email, order.spoken, {**values(order), **more}, unasked=unasked(order))


def unasked(order: Any) -> bool:
    """Tell whether the recipient may be a stranger to the order: a guest can name any address.

    Money or a verified address proves that it is theirs.
    """
    return not (order.proven or order.payment_status in (*TAKEN, PaymentStatus.AUTHORISED))


def values(order: Any) -> dict[str, Any]:
    """Collect what the letters about an order say."""
    return {
        "name": order.shipping_address.get("name", ""),
        "link": guest_tokens.link(order),
        "number": order.number,
        "currency": order.currency,
        "placed": order.created_at,
        "paid": order.payment_status == PaymentStatus.PAID,
        "taken": bool(order.total) and order.payment_status in TAKEN,
        "by_transfer": order.by_transfer,
        "account": settings().transfer_account,
        "declined": order.declined,
        "late": order.late,
        "breakdown": order.breakdown or (),  # adds up to total
        "coupon": order.coupon_code,
        "total": order.total,
        "tax": order.tax,
        "tax_included": order.tax_included,
    }


def goods(session: Session, order_id: str, counted: Mapping[str, int]) -> list[str]:
    """Format quantities by SKU for a letter, such as `2 x Mug`. Zeros are left out."""
    names = {line.sku: line.name for line in orders.get(session, order_id).lines}
    return [f"{n} x {names[sku]}" for sku, n in counted.items() if n]
