"""A cart with its prices of this moment, as it is shown and as it is ordered: one look-up serves both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from config import settings
from db.functions import in_list
from db.statements import execute_core
from shop.carts import coupons
from shop.carts.carts import CartLineRow, CartRow
from shop.catalogue import price_lists
from shop.catalogue.price_lists import VariantPriceRow
from shop.catalogue.tables import CategoryRow, ProductRow, VariantRow
from shop.kernel.money import Money
from shop.pricing import offers
from shop.pricing import rates as tariffs
from shop.pricing.offers import Offer
from shop.pricing.priced_line import PricedLine
from shop.pricing.quotes import Quote, Terms, quote
from shop.stock.tables import StockRow


@dataclass(frozen=True)
class Problem:
    """What the customer should know of a cart before ordering; `sku`: None when it is about the whole cart."""

    code: str
    sku: str | None
    detail: str


NO_SHIPPING = Problem(
    "shipping_unavailable", None, "This way of shipping is not offered for this cart; choose another."
)


@dataclass(frozen=True)
class Cart:
    """A cart, its quote of this moment, and its problems."""

    row: CartRow
    quote: Quote
    problems: Sequence[Problem]


@dataclass(frozen=True)
class Goods:
    """The lines of a cart at the prices of this moment, and their problems. Lines that are not sold are left out."""

    lines: list[PricedLine] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def look(session: Session, cart: CartRow) -> Cart:
    """Quote a cart at this moment, and collect its problems."""
    [found] = goods(session, [cart])
    [terms], known = in_force(session, [(cart, None)])
    offered = cart.shipping_method in terms.tariffs.methods
    quoted = quote(found.lines, terms, cart.shipping_method if offered else None)
    gone = [NO_SHIPPING] if cart.shipping_method and not offered else []
    return Cart(cart, quoted, [*found.problems, *gone, *_coupon_problems(cart, known, quoted)])


def in_force(session: Session, wanted: Sequence[tuple[CartRow, str | None]]) -> tuple[list[Terms], list[Offer]]:
    """Return the terms of each of these carts, and all offers read, those that do not count included.

    The country beside a cart is where it goes; None: the cart's own, or else the shop's.
    """
    home = settings().shop_country
    countries = [country or cart.country or home for cart, country in wanted]
    known = offers.in_force(session, [cart.coupon_code for cart, _ in wanted if cart.coupon_code])
    rates = tariffs.read(session, countries, [cart.currency for cart, _ in wanted])
    terms = [
        Terms(
            rates[cart.currency],
            country,
            [offer for offer in known if coupons.usable(offer, cart.coupon_code)],
            settings().prices_include_tax,
            cart.currency,
        )
        for (cart, _), country in zip(wanted, countries, strict=True)
    ]
    return terms, known


def _coupon_problems(cart: CartRow, known: Sequence[Offer], quoted: Quote) -> list[Problem]:
    if not cart.coupon_code or not quoted.lines:
        return []
    hindrance = coupons.hindrance(cart.coupon_code, known, quoted)
    return [Problem(hindrance[0], None, hindrance[1])] if hindrance else []


def goods(session: Session, carts: Sequence[CartRow]) -> list[Goods]:
    """Return the goods of each of these carts, in the order given."""
    found = {cart.id: Goods() for cart in carts}
    for row in execute_core(session, _LINES, {"carts": list(found)}):
        if row.live and row.price is not None:
            found[row.cart_id].lines.append(_line(row))
        found[row.cart_id].problems.extend(_problems(row))
    return [found[cart.id] for cart in carts]


def _line(row: Any) -> PricedLine:
    price = Money(row.price, row.currency)
    kind = (row.product_id, row.category, row.tax_class)
    return PricedLine(row.sku, row.name.strip(), row.quantity, price, *kind)


def _lines() -> Select[Any]:
    live = (VariantRow.active & (ProductRow.status == "active")).label("live")
    name = (ProductRow.name + " " + VariantRow.name).label("name")
    price, listed = price_lists.priced_in(CartRow.currency)
    return (
        select(CartLineRow.cart_id, CartLineRow.sku, CartLineRow.quantity, CartLineRow.price_seen)
        .add_columns(price.label("price"), CartRow.currency, live, name)
        .add_columns(VariantRow.product_id, CategoryRow.path.label("category"), ProductRow.tax_class)
        .add_columns(func.coalesce(StockRow.on_hand - StockRow.reserved, 0).label("left"))
        .add_columns(func.coalesce(StockRow.backorder_limit - StockRow.backordered, 0).label("room"))
        .join(CartRow, CartRow.id == CartLineRow.cart_id)
        .join(VariantRow, VariantRow.sku == CartLineRow.sku)
        .join(ProductRow)
        .outerjoin(CategoryRow, CategoryRow.id == ProductRow.category_id)
        .outerjoin(VariantPriceRow, listed)
        .outerjoin(StockRow, StockRow.sku == CartLineRow.sku)
        .where(in_list(CartLineRow.cart_id, "carts"))
        .order_by(CartLineRow.added_at, CartLineRow.sku)
    )


_LINES = _lines()


def _problems(row: Any) -> list[Problem]:
    if not row.live:
        return [Problem("archived", row.sku, "This is no longer sold.")]
    if row.price is None:
        return [Problem("no_price_in_currency", row.sku, f"This has no price in {row.currency}.")]
    found = _lacking(row.sku, row.quantity, max(0, row.left), max(0, row.room))
    if row.price != row.price_seen:
        found.append(Problem("price_changed", row.sku, "The price has changed since you put it in."))
    return found


def _lacking(sku: str, quantity: int, left: int, room: int) -> list[Problem]:
    """Return the problem of having fewer than wanted: `left` in stock, `room` more on backorder."""
    if quantity <= left:
        return []
    if quantity <= left + room:
        later = f"{left} can be sent now, the others when they have come in." if left else "Sent when it has come in."
        return [Problem("backorder", sku, later)]
    return [Problem("out_of_stock", sku, f"Only {left + room} left." if left + room else "None left.")]
