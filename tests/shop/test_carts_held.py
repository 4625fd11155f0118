"""Whoever writes into a cart waits for whoever is writing into it, whatever they are doing there."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

import db
from shop.carts import carts
from shop.carts.carts import CartLineRow, CartRow
from shop.checkout import placement, restore_cart
from tests.api.catalogue_data import ADDRESS, put_on_shelf

pytestmark = pytest.mark.usefixtures("database")

Write = Callable[[Session, CartRow], object]


def _in_the_middle_of(writing: Write, another: Write, cart: CartRow) -> None:
    """`another` begins when the cart is held and has been looked at, and nothing is written yet."""
    with ThreadPoolExecutor(1) as hands:
        with db.transaction() as session:
            carts.lock(session, cart)
            begun = hands.submit(_write, another, cart)
            assert _has_to_wait(begun)
            writing(session, cart)
        begun.result(10)


def _write(write: Write, cart: CartRow) -> None:
    with db.transaction() as session:
        write(session, cart)


def _has_to_wait(begun: Future[None]) -> bool:
    try:
        begun.result(0.3)
    except TimeoutError:
        return True
    return False


def _ordered() -> tuple[CartRow, str]:
    put_on_shelf("CHAIR", on_hand=5)
    command = placement.PlaceOrder(None, "a@example.com", ADDRESS, "standard", "card", "tok_ok")
    with db.transaction() as session:
        cart = carts.open_guest(session)
        carts.add(session, cart, "CHAIR", 2)
        return cart, placement.place(session, cart, command).id


def _quantities(cart: CartRow) -> list[int]:
    with db.reading() as session:
        return list(session.scalars(select(CartLineRow.quantity).where(CartLineRow.cart_id == cart.id)))


def test_an_order_that_failed_gives_its_lines_back_after_the_shopper_has_put_in_the_same() -> None:
    cart, order = _ordered()
    add: Write = partial(carts.add, sku="CHAIR", quantity=1)
    _in_the_middle_of(add, lambda session, _: restore_cart.restore_lines(session, [order]), cart)
    assert _quantities(cart) == [3], "the two that were ordered in vain, beside the one put in since"


def test_a_cart_is_cleared_after_the_line_in_hand_is_changed() -> None:
    cart, _ = _ordered()
    _write(partial(carts.add, sku="CHAIR", quantity=1), cart)
    _in_the_middle_of(partial(carts.set_quantity, sku="CHAIR", quantity=3), carts.clear, cart)
    assert _quantities(cart) == []


def test_two_adds_at_once_both_count() -> None:
    cart, _ = _ordered()
    add: Write = partial(carts.add, sku="CHAIR", quantity=1)
    _in_the_middle_of(add, add, cart)
    assert _quantities(cart) == [2]
