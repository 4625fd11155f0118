"""The currency of a cart: all its lines are priced in it, and a SKU without a price in it cannot be ordered."""

from __future__ import annotations

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from shop.carts import carts
from shop.carts.carts import CartLineRow, CartRow
from shop.catalogue import price_lists
from shop.catalogue.price_lists import VariantPriceRow
from shop.catalogue.tables import VariantRow


def choose(session: Session, cart: CartRow, currency: str) -> None:
    """Lock the cart and set its currency and the seen prices of its lines."""
    carts.lock(session, cart)
    cart.currency = currency
    session.flush()
    see_anew(session, cart)


def see_anew(session: Session, cart: CartRow) -> None:
    """Set `price_seen` of all lines to today's price in the cart's currency, so that the change is not reported.

    A line without a price in it keeps the old one.
    """
    amount, listed = price_lists.priced_in(cart.currency)
    price = select(amount).select_from(VariantRow).outerjoin(VariantPriceRow, listed)
    now = price.where(VariantRow.sku == CartLineRow.sku).scalar_subquery()
    lines = update(CartLineRow).where(CartLineRow.cart_id == cart.id)
    session.execute(lines.values(price_seen=func.coalesce(now, CartLineRow.price_seen)))
