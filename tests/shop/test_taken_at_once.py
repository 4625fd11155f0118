"""What there may be only one of, wanted by several at the same instant: one gets it, the others are told so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy.orm import Session

import db
from db.schema import new_id
from shop.accounts import users
from shop.accounts.users import UserRow
from shop.catalogue import categories, products
from shop.catalogue.tables import CategoryRow, ProductRow, VariantRow
from shop.pricing import offer_admin
from shop.pricing.offers import OfferRow
from tests.api.catalogue_data import count
from tests.shop.at_once import at_once

Work = Callable[[Session], Any]
PRICE = {"amount": 100, "currency": "EUR"}
ROUNDS, AT_ONCE = 5, 4

pytestmark = pytest.mark.usefixtures("database")


def a_coupon(name: str) -> Work:
    wish = {"code": name.upper(), "name": name, "kind": "percentage", "percent": 10, "stackable": True, "priority": 0}
    return lambda session: offer_admin.make(session, wish)


def a_slug(name: str) -> Work:
    return lambda session: products.create(session, slug=name, name=name)


def a_sku(name: str) -> Work:
    variant = {"sku": name, "name": name, "price": PRICE}
    return lambda session: products.create(session, slug=new_id(), name=name, variants=[variant])


def a_variant(name: str) -> Work:
    """Each of a product of its own."""
    with db.transaction() as session:
        id = products.create(session, slug=new_id(), name=name).id

    def work(session: Session) -> None:
        products.add_variant(session, products.hold(session, id), {"sku": name, "name": name, "price": PRICE})

    return work


def a_category(name: str) -> Work:
    return lambda session: categories.create(session, name, name)


def an_account(name: str) -> Work:
    email = f"{name}@example.com"
    return lambda session: users.register(session, email=email, name=name, password_hash="x")


def an_address(name: str) -> Work:
    """Each for an account that has another one."""
    with db.transaction() as session:
        id = users.register(session, email=f"{new_id()}@example.com", name=name, password_hash="x").id
    return lambda session: users.change_email(session, id, f"{name}@example.com")


@pytest.mark.parametrize(
    ("wanted", "taken", "there"),
    [
        (a_coupon, "code_taken", lambda name: count(OfferRow, OfferRow.code == name.upper())),
        (a_slug, "slug_taken", lambda name: count(ProductRow, ProductRow.slug == name)),
        (a_sku, "sku_taken", lambda name: count(VariantRow, VariantRow.sku == name)),
        (a_variant, "sku_taken", lambda name: count(VariantRow, VariantRow.sku == name)),
        (a_category, "path_taken", lambda name: count(CategoryRow, CategoryRow.path == name)),
        (an_account, "email_taken", lambda name: count(UserRow, UserRow.email == f"{name}@example.com")),
        (an_address, "email_taken", lambda name: count(UserRow, UserRow.email == f"{name}@example.com")),
    ],
)
def test_one_has_it_and_the_others_are_told(
    wanted: Callable[[str], Work], taken: str, there: Callable[[str], int]
) -> None:
    for number in range(ROUNDS):
        name = f"wanted-{number}"
        said = at_once(*(wanted(name) for _ in range(AT_ONCE)))
        assert sorted(said) == sorted(["done"] + [taken] * (AT_ONCE - 1))
        assert there(name) == 1
