"""Carts: a customer's own, or a guest's behind an unguessable token. They hold quantities and no prices."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    String,
    and_,
    delete,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.functions import in_list, in_seconds, transaction_time
from db.schema import At, Base, Id, new_id
from db.statements import execute_core, table_of, upsert
from shop.catalogue import price_lists
from shop.kernel.currencies import OURS
from shop.kernel.errors import Invalid, NotFound
from shop.kernel.skus import SKU_LENGTH
from shop.pricing import rates
from shop.pricing.refusals import NoPrice

MOST_OF_ONE = 999
MOST_LINES = 100


class CartRow(Base):
    """A cart. `owner_id`: its customer; None: a guest's, whose token is the `id`."""

    __tablename__ = "carts"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    owner_id: Mapped[Id | None] = mapped_column(unique=True)
    currency: Mapped[str] = mapped_column(String(3), default=OURS)
    shipping_method: Mapped[str | None] = mapped_column(String(40))
    country: Mapped[str | None] = mapped_column(String(2))  # for the tax; an order's address decides
    coupon_code: Mapped[str | None] = mapped_column(String(40))
    created_at: Mapped[At] = mapped_column(default=transaction_time())
    updated_at: Mapped[At] = mapped_column(default=transaction_time(), index=True)


class CartLineRow(Base):
    """A line of a cart. `price_seen`: the price, in minor units, when the line was last changed."""

    __tablename__ = "cart_lines"
    __table_args__ = (CheckConstraint("quantity > 0", name="quantity_positive"),)

    cart_id: Mapped[str] = mapped_column(String(64), ForeignKey("carts.id", ondelete="CASCADE"), primary_key=True)
    sku: Mapped[str] = mapped_column(String(SKU_LENGTH), ForeignKey("variants.sku"), primary_key=True)
    quantity: Mapped[int]
    price_seen: Mapped[int] = mapped_column(BigInteger)
    added_at: Mapped[At] = mapped_column(default=transaction_time())


def open_guest(session: Session, currency: str = OURS) -> CartRow:
    """Insert a cart for a guest; its id is the only key to it."""
    cart = CartRow(id=secrets.token_urlsafe(24), currency=currency)
    session.add(cart)
    session.flush()
    return cart


def of_customer(session: Session, customer_id: str) -> CartRow:
    """Return the customer's cart, and insert it if there is none yet. Safe with two at once."""
    found = session.scalars(select(CartRow).where(CartRow.owner_id == customer_id)).first()
    if found:
        return found
    values = {
        "id": new_id(),
        "owner_id": customer_id,
        "currency": OURS,
        "created_at": transaction_time(),
        "updated_at": transaction_time(),
    }
    session.execute(upsert(session, CartRow).values(values).on_conflict_do_nothing(index_elements=["owner_id"]))
    return session.scalars(select(CartRow).where(CartRow.owner_id == customer_id)).one()


def of_guest(session: Session, token: str) -> CartRow:
    """Return the guest's cart, or raise NotFound. Does not lock it."""
    return _there(session.scalars(select(CartRow).where(*_is_guests(token))).first())


def read_customers(session: Session, customer_id: str) -> CartRow:
    """Return the customer's cart for reading; an empty one, which is not stored, if there is none yet."""
    found = session.scalars(select(CartRow).where(CartRow.owner_id == customer_id)).first()
    return found or CartRow(id="", owner_id=customer_id, currency=OURS)


def lock_guests(session: Session, token: str) -> CartRow:
    """Lock the guest's cart and return a copy of its row outside the session. Raises NotFound."""
    return _there(lock_all(session, guests=[token]).get(token))


def lock_all(session: Session, *, customers: Sequence[str] = (), guests: Sequence[str] = ()) -> dict[str, CartRow]:
    """Lock these carts by ascending id and return copies, outside the session, of the rows that exist.

    The keys are the customers' ids and the guests' tokens.
    """
    rows = execute_core(session, _HOLD_ALL, {"customers": customers, "guests": guests})
    return {row.owner_id or row.id: CartRow(**row._mapping) for row in rows}


def add(session: Session, cart: CartRow, sku: str, quantity: int) -> None:
    """Lock the cart and add so many more of this SKU, seen at today's price.

    Raises NotFound for a SKU that is not sold, NoPrice without a price in the cart's currency, Invalid when there are
    too many of it or too many lines.
    """
    price = _price(session, cart, sku, "There is no such SKU.")
    lock(session, cart)
    line = session.get(CartLineRow, (cart.id, sku))
    if line is None:
        _check_room(session, cart)
        session.add(CartLineRow(cart_id=cart.id, sku=sku, quantity=_checked(quantity), price_seen=price))
    else:
        line.quantity, line.price_seen = _checked(line.quantity + quantity), price
    session.flush()


def set_quantity(session: Session, cart: CartRow, sku: str, quantity: int) -> None:
    """Lock the cart and set the quantity of this SKU; 0 removes the line.

    Raises NotFound when it is not in the cart or no longer sold, NoPrice, Invalid.
    """
    if quantity == 0:
        remove(session, cart, sku)
        return
    lock(session, cart)
    line = session.get(CartLineRow, (cart.id, sku))
    if line is None:
        raise NotFound("This SKU is not in the cart.")
    line.quantity, line.price_seen = _checked(quantity), _price(session, cart, sku, "This SKU is not in the cart.")
    session.flush()


def remove(session: Session, cart: CartRow, sku: str) -> None:
    """Lock the cart and remove the line. Raises NotFound when it is not in the cart."""
    lock(session, cart)
    gone = session.execute(delete(CartLineRow).where(CartLineRow.cart_id == cart.id, CartLineRow.sku == sku))
    if not gone.rowcount:  # type: ignore[attr-defined]
        raise NotFound("This SKU is not in the cart.")


def clear(session: Session, cart: CartRow) -> None:
    """Lock the cart and remove its lines and its coupon."""
    lock(session, cart)
    empty(session, cart)
    cart.coupon_code = None
    session.flush()


def empty(session: Session, *carts: CartRow) -> None:
    """Remove the lines, not the coupons, of carts that the caller has locked."""
    execute_core(session, _EMPTY, {"carts": [cart.id for cart in carts]})


_EMPTY = delete(table_of(CartLineRow)).where(in_list(CartLineRow.cart_id, "carts"))


def choose_shipping(session: Session, cart: CartRow, method: str, country: str | None = None) -> None:
    """Set the shipping method, and the country if one is given. Raises a Refusal for a method that is not offered."""
    rates.read(session, [], [cart.currency])[cart.currency].method(method)  # refuses what there is not
    cart.shipping_method, cart.country = method, country or cart.country
    session.flush()


def lock(session: Session, cart: CartRow) -> None:
    """Lock the cart by touching its row: two adds of one SKU both count, two orders from it do not."""
    session.execute(update(CartRow).where(CartRow.id == cart.id).values(updated_at=transaction_time()))


def prune(session: Session, days: int = 30, limit: int = 500) -> int:
    """Delete up to `limit` guest carts that were not touched for so many days; returns how many."""
    old = (
        select(CartRow.id)
        .where(CartRow.owner_id.is_(None), CartRow.updated_at < in_seconds(-86400.0 * days))
        .limit(limit)
    )
    ids = session.scalars(old).all()
    session.execute(delete(CartRow).where(CartRow.id.in_(ids)))
    return len(ids)


def _holding() -> Any:
    """Return the statement of `lock_all`: it locks by ascending id, so that two transactions never deadlock."""
    rows = table_of(CartRow)
    these = or_(in_list(rows.c.owner_id, "customers"), and_(in_list(rows.c.id, "guests"), rows.c.owner_id.is_(None)))
    locked = select(rows.c.id).where(these).order_by(rows.c.id).with_for_update(key_share=True).cte("locked")
    return (
        update(rows)
        .where(rows.c.id.in_(select(locked.c.id)))
        .values(updated_at=transaction_time())
        .returning(*rows.columns)
    )


_HOLD_ALL = _holding()


def _is_guests(token: str) -> tuple[ColumnElement[bool], ...]:
    return CartRow.id == token, CartRow.owner_id.is_(None)


def _price(session: Session, cart: CartRow, sku: str, unsold: str) -> int:
    sold = price_lists.sellable(session, [sku], cart.currency)
    if sku not in sold:
        raise NotFound(unsold)
    price = sold[sku]
    if price is None:
        raise NoPrice(f"{sku} has no price in {cart.currency}.", sku=sku, currency=cart.currency)
    return price


def _there(cart: CartRow | None) -> CartRow:
    if cart is None:
        raise NotFound("There is no such cart.")
    return cart


def _check_room(session: Session, cart: CartRow) -> None:
    lines = session.scalar(select(func.count()).where(CartLineRow.cart_id == cart.id)) or 0
    if lines >= MOST_LINES:
        raise Invalid({"sku": [f"A cart has at most {MOST_LINES} lines."]})


def _checked(quantity: int) -> int:
    if not 1 <= quantity <= MOST_OF_ONE:
        raise Invalid({"quantity": [f"From 1 to {MOST_OF_ONE} of one SKU."]})
    return quantity
