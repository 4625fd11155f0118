"""Return to the carts what failed and cancelled orders took from them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import case, func, select, update
from sqlalchemy.orm import Session

from db.functions import transaction_time
from db.statements import upsert
from shop.carts.carts import MOST_OF_ONE, CartLineRow, CartRow
from shop.orders.orders import OrderLineRow, OrderRow
from shop.pricing import coupon_redemptions


def restore(session: Session, orders: Sequence[str]) -> None:
    """Put the lines and coupons of these orders back into the carts they came from, where those still exist."""
    restore_lines(session, orders)
    restore_coupons(session, orders)


def restore_lines(session: Session, orders: Sequence[str]) -> None:
    """Add the orders' lines to what their carts hold by now: as many more of each, up to MOST_OF_ONE."""
    of_orders = CartRow.id.in_(select(OrderRow.cart_id).where(OrderRow.id.in_(orders)))
    session.scalars(select(CartRow.id).where(of_orders).order_by(CartRow.id).with_for_update(key_share=True)).all()
    quantity, price = func.sum(OrderLineRow.quantity), func.min(OrderLineRow.unit_price)
    lines = (
        select(OrderRow.cart_id, OrderLineRow.sku, quantity, price, transaction_time())
        .join(OrderRow, OrderRow.id == OrderLineRow.order_id)
        .join(CartRow, CartRow.id == OrderRow.cart_id)
        .where(OrderRow.id.in_(orders))
        .group_by(OrderRow.cart_id, OrderLineRow.sku)
    )
    columns = ["cart_id", "sku", "quantity", "price_seen", "added_at"]
    insert = upsert(session, CartLineRow).from_select(columns, lines)
    together = CartLineRow.quantity + insert.excluded.quantity
    bounded = case((together > MOST_OF_ONE, MOST_OF_ONE), else_=together)
    session.execute(insert.on_conflict_do_update(index_elements=["cart_id", "sku"], set_={"quantity": bounded}))


def restore_coupons(session: Session, orders: Sequence[str]) -> None:
    """Release the orders' redemptions, and put each coupon back into a cart that has no other."""
    coupon_redemptions.release(session, orders)
    spent = select(OrderRow.cart_id).where(OrderRow.id.in_(orders), OrderRow.coupon_code.is_not(None))
    code = select(OrderRow.coupon_code).where(OrderRow.id.in_(orders), OrderRow.cart_id == CartRow.id)
    one = code.where(OrderRow.coupon_code.is_not(None)).limit(1).scalar_subquery()
    empty = update(CartRow).where(CartRow.id.in_(spent), CartRow.coupon_code.is_(None))
    session.execute(empty.values(coupon_code=one).execution_options(synchronize_session=False))
