"""The currency of a cart: everything in it is priced in that one, and what has no price in it can not be ordered."""

from __future__ import annotations

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from shop.carts import carts
from shop.carts.carts import CartLineRow, CartRow
from shop.catalogue import price_lists
from shop.catalogue.price_lists import VariantPriceRow
from shop.catalogue.tables import VariantRow


def choose(session: Session, cart: CartRow, currency: str) -> None:
    carts.lock(session, cart)
    cart.currency = currency
    session.flush()
    see_anew(session, cart)


def see_anew(session: Session, cart: CartRow) -> None:
    """What is in it is seen at its prices in this currency: that they are others than before is no news."""
    amount, listed = price_lists.priced_in(cart.currency)
    price = select(amount).select_from(VariantRow).outerjoin(VariantPriceRow, listed)
    now = price.where(VariantRow.sku == CartLineRow.sku).scalar_subquery()
    lines = update(CartLineRow).where(CartLineRow.cart_id == cart.id)
    session.execute(lines.values(price_seen=func.coalesce(now, CartLineRow.price_seen)))
