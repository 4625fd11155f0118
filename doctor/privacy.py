"""Invariants of personal data: what the shop may still store about deleted accounts."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import exists, func, or_, select
from sqlalchemy.orm import Session

from db.functions import age
from doctor.checks import invariant
from shop.accounts.addresses import AddressRow
from shop.accounts.sessions import SessionFamilyRow
from shop.accounts.users import UserRow
from shop.bank_transfers.transfers import BankTransferRow
from shop.fulfilment.returns import ReturnRow
from shop.notifications.outbox import NotificationRow
from shop.orders.orders import OrderRow
from shop.orders.staff_notes import OrderNoteRow
from shop.pricing.coupon_redemptions import CouponRedemptionRow
from shop.pricing.same_person import MARK
from shop.privacy import order_anonymisation
from shop.privacy.order_anonymisation import NOBODY
from shop.stock.alerts import StockAlertRow

DAY = 86400.0  # seconds, within which the clock has anonymised the orders due


@invariant("I16", "a deleted account leaves nothing that says whose it was")
def nothing_is_left_of_who_left(session: Session) -> Iterator[str]:
    yield from _accounts(session)
    yield from _orders_that_should_have_forgotten(session)
    yield from _orders_that_forgot_half(session)


def _accounts(session: Session) -> Iterator[str]:
    user, gone = UserRow, UserRow.deleted_at.is_not(None)
    named = or_(user.email.is_not(None), user.name != "", user.password_hash != "")
    for id in session.scalars(select(user.id).where(gone, named)):
        yield f"account {id} is deleted and says whose it was"
    for id in session.scalars(select(user.id).where(gone).join(AddressRow, AddressRow.user_id == user.id)):
        yield f"account {id} is deleted and has an address"
    for id in session.scalars(select(user.id).where(gone, exists().where(NotificationRow.subject_id == user.id))):
        yield f"account {id} is deleted and was told something"
    for id in session.scalars(select(user.id).where(gone, exists().where(StockAlertRow.user_id == user.id))):
        yield f"account {id} is deleted and waits for goods"
    alive = SessionFamilyRow.revoked_at.is_(None)
    for id in session.scalars(select(user.id).where(gone, alive).join(SessionFamilyRow)):
        yield f"account {id} is deleted and has a session"
    use = CouponRedemptionRow
    uses = (
        select(use.order_id)
        .join(user, user.id == use.customer_id)
        .where(gone, or_(~use.email.startswith(MARK), ~use.account_email.startswith(MARK)))
    )
    for id in session.scalars(uses):
        yield f"the use of a coupon by order {id} names somebody who left"


def _orders_that_should_have_forgotten(session: Session) -> Iterator[str]:
    due = select(OrderRow.id).join(UserRow, UserRow.id == OrderRow.customer_id)
    over = order_anonymisation.forgettable()
    for id in session.scalars(due.where(*over, age(UserRow.deleted_at) > DAY, age(OrderRow.updated_at) > DAY)):
        yield f"order {id} is over and still names somebody who left"


def _orders_that_forgot_half(session: Session) -> Iterator[str]:
    order, forgotten = OrderRow, OrderRow.email == NOBODY
    named = select(order.id, order.shipping_address, order.billing_address, order.vat_id)
    for id, address, billing, vat_id in session.execute(named.where(forgotten)):
        if (set(address) | set(billing or ())) - {"country"} or vat_id:
            yield f"order {id} has forgotten its customer and not the address"
    told = select(order.id).join(NotificationRow, NotificationRow.subject_id == order.id).distinct()
    noted = select(order.id).join(OrderNoteRow).where(func.length(OrderNoteRow.text) > 0)
    explained = select(order.id).join(ReturnRow).where(func.length(ReturnRow.reason) > 0)
    wrote = select(order.id).join(BankTransferRow, BankTransferRow.order_id == order.id)
    halves = {
        "whom it told": told.where(NotificationRow.recipient != NOBODY),
        "what was noted": noted,
        "why it came back": explained,
        "what was written on its transfer": wrote.where(BankTransferRow.reference != ""),
    }
    for what, query in halves.items():
        for id in session.scalars(query.where(forgotten)):
            yield f"order {id} has forgotten its customer and not {what}"
