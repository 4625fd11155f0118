"""A cart as it is shown and as it is ordered: the same look-up of prices serves both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, bindparam, func, select
from sqlalchemy.orm import Session

from shop.carts import CartLineRow, CartRow
from shop.catalogue import ProductRow, VariantRow
from shop.money import Money
from shop.prices import PricedLine, Quote, quote
from shop.stock import StockRow


@dataclass(frozen=True)
class Problem:
    """Something the shopper should know before ordering."""

    code: str
    sku: str
    detail: str


@dataclass(frozen=True)
class Cart:
    """A cart, what it costs now, and what is to be known about it."""

    row: CartRow
    quote: Quote
    problems: Sequence[Problem]


def look(session: Session, cart: CartRow) -> Cart:
    """The cart with the prices of this moment and what stands in the way of ordering it."""
    rows = session.execute(_LINES, {"cart": cart.id}).all()
    priced = [
        PricedLine(row.sku, row.name.strip(), row.quantity, Money(row.price, row.currency)) for row in rows if row.live
    ]
    problems = [problem for row in rows for problem in _problems(row)]
    return Cart(cart, quote(priced, cart.shipping_method), problems)


def _lines() -> Select[Any]:
    live = (VariantRow.active & (ProductRow.status == "active")).label("live")
    name = (ProductRow.name + " " + VariantRow.name).label("name")
    return (
        select(CartLineRow.sku, CartLineRow.quantity, CartLineRow.price_seen, VariantRow.price, VariantRow.currency)
        .add_columns(live, name, func.coalesce(StockRow.on_hand - StockRow.reserved, 0).label("left"))
        .join(VariantRow, VariantRow.sku == CartLineRow.sku)
        .join(ProductRow)
        .outerjoin(StockRow, StockRow.sku == CartLineRow.sku)
        .where(CartLineRow.cart_id == bindparam("cart"))
        .order_by(CartLineRow.added_at, CartLineRow.sku)
    )


_LINES = _lines()


def _problems(row) -> list[Problem]:  # type: ignore[no-untyped-def]
    if not row.live:
        return [Problem("archived", row.sku, "This is no longer sold.")]
    found = []
    if row.left < row.quantity:
        found.append(Problem("out_of_stock", row.sku, f"Only {max(0, row.left)} left."))
    if row.price != row.price_seen:
        found.append(Problem("price_changed", row.sku, "The price has changed since you put it in."))
    return found
