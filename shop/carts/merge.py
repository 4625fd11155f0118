"""Merge a guest's cart into the customer's when the guest signs in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from shop.carts import carts
from shop.carts import currency as cart_currency
from shop.carts.carts import MOST_LINES, MOST_OF_ONE, CartLineRow, CartRow
from shop.kernel.errors import Invalid


class Strategy(StrEnum):
    """Which lines the merged cart has."""

    MERGE = "merge"  # the lines of both; of a SKU in both, the sum
    KEEP_CUSTOMER = "keep_customer"
    KEEP_GUEST = "keep_guest"


def merge(session: Session, into: CartRow, token: str, strategy: Strategy) -> None:
    """Lock both carts, bring the guest's into `into`, which keeps its currency, and delete the guest's.

    The guest's coupon comes along only if `into` has none, and not with KEEP_CUSTOMER. Raises NotFound; Invalid for a
    cart merged into itself or too many lines.
    """
    if into.id == token:
        raise Invalid({"from": ["A cart cannot be merged into itself."]})
    guest = _hold_both(session, into, token)
    if strategy == Strategy.KEEP_GUEST:
        carts.empty(session, into)
    if strategy != Strategy.KEEP_CUSTOMER:
        _add_all(session, into, _lines(session, guest))
        into.coupon_code = into.coupon_code or guest.coupon_code
        if guest.currency != into.currency:
            cart_currency.see_anew(session, into)
    session.execute(delete(CartLineRow).where(CartLineRow.cart_id == token))
    session.execute(delete(CartRow).where(CartRow.id == token))


def _hold_both(session: Session, into: CartRow, token: str) -> CartRow:
    """Lock both carts by ascending id, so that two merges at once do not deadlock, and return the guest's."""
    if into.id < token:
        carts.lock(session, into)
        return carts.lock_guests(session, token)
    guest = carts.lock_guests(session, token)
    carts.lock(session, into)
    return guest


def _lines(session: Session, cart: CartRow) -> Sequence[CartLineRow]:
    return session.scalars(select(CartLineRow).where(CartLineRow.cart_id == cart.id)).all()


def _add_all(session: Session, into: CartRow, lines: Sequence[CartLineRow]) -> None:
    there = {line.sku: line for line in _lines(session, into)}
    _check_room(there, lines)
    for line in lines:
        present = there.get(line.sku)
        if present:
            present.quantity = min(MOST_OF_ONE, present.quantity + line.quantity)
        else:
            session.add(_moved(line, into))
    session.flush()


def _moved(line: CartLineRow, into: CartRow) -> CartLineRow:
    return CartLineRow(
        cart_id=into.id, sku=line.sku, quantity=line.quantity, price_seen=line.price_seen, added_at=line.added_at
    )


def _check_room(there: Mapping[str, CartLineRow], lines: Sequence[CartLineRow]) -> None:
    if len(there.keys() | {line.sku for line in lines}) > MOST_LINES:
        raise Invalid({"from": [f"Together they have more than {MOST_LINES} lines."]})
