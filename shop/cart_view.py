"""A cart as it is shown and as it is ordered: the same look-up of prices serves both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from shop.carts import CartLineRow, CartRow
from shop.catalogue import ProductRow, VariantRow
from shop.money import Money
from shop.prices import PricedLine, Quote, quote
from shop.stock import StockRow
from sql import among, direct


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


@dataclass(frozen=True)
class Goods:
    """What is in a cart, at the prices of this moment, and what stands in the way of ordering it."""

    lines: list[PricedLine] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def look(session: Session, cart: CartRow) -> Cart:
    """The cart with what it costs at this moment."""
    [found] = goods(session, [cart])
    return Cart(cart, quote(found.lines, cart.shipping_method), found.problems)


def goods(session: Session, carts: Sequence[CartRow]) -> list[Goods]:
    """What is in each of these carts."""
    found = {cart.id: Goods() for cart in carts}
    for row in direct(session, _LINES, {"carts": list(found)}):
        if row.live:
            priced = PricedLine(row.sku, row.name.strip(), row.quantity, Money(row.price, row.currency))
            found[row.cart_id].lines.append(priced)
        found[row.cart_id].problems.extend(_problems(row))
    return [found[cart.id] for cart in carts]


def _lines() -> Select[Any]:
    live = (VariantRow.active & (ProductRow.status == "active")).label("live")
    name = (ProductRow.name + " " + VariantRow.name).label("name")
    return (
        select(CartLineRow.cart_id, CartLineRow.sku, CartLineRow.quantity, CartLineRow.price_seen)
        .add_columns(VariantRow.price, VariantRow.currency, live, name)
        .add_columns(func.coalesce(StockRow.on_hand - StockRow.reserved, 0).label("left"))
        .join(VariantRow, VariantRow.sku == CartLineRow.sku)
        .join(ProductRow)
        .outerjoin(StockRow, StockRow.sku == CartLineRow.sku)
        .where(among(CartLineRow.cart_id, "carts"))
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
