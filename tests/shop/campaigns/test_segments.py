"""Segments find exactly whom they mean, on both databases, and nonsense is refused with its place."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

import db
from db.schema import new_id
from shop.accounts import tags as user_tags
from shop.accounts import users
from shop.accounts.users import UserRow
from shop.campaigns.segments import compiled
from shop.catalogue import upsert as catalogue_upsert
from shop.catalogue.tables import ProductRow
from shop.kernel.errors import Invalid
from shop.orders import orders
from shop.orders.orders import OrderRow
from shop.orders.states import Status

pytestmark = pytest.mark.usefixtures("database")


def somebody(name: str) -> str:
    with db.transaction() as session:
        return users.register(session, email=f"{name}@example.com", name=name, password_hash="x").id


def bought(user: str, sku: str, total: int = 1000, *, days_ago: int = 0, status: Status = Status.CONFIRMED) -> None:
    order = {
        "id": new_id(),
        "number": new_id()[-12:],
        "customer_id": user,
        "cart_id": new_id(),
        "email": "x@example.com",
        **dict.fromkeys(("discount", "shipping", "tax", "shipping_tax"), 0),
        "currency": "EUR",
        "subtotal": total,
        "total": total,
        "tax_included": True,
        "coupon_code": None,
        "language": "en",
        "breakdown": None,
        "shipping_method": "standard",
        "shipping_address": {},
    }
    line = {"order_id": order["id"], "sku": sku, "position": 0, "name": sku, "quantity": 1}
    line |= {"unit_price": total, "total": total, "discount": 0, "tax": 0}
    with db.transaction() as session:
        placed = orders.insert_all(session, [(order, [line])])[0]
        then = placed.created_at - timedelta(days=days_ago)
        session.execute(update(OrderRow).where(OrderRow.id == placed.id).values(status=status, created_at=then))


def on_shelf(sku: str, category: str) -> str:
    row = {"slug": sku.lower(), "name": sku, "description": "", "category": category, "image_url": "", "sku": sku}
    row |= {"variant_name": "", "options": {}, "price_cents": 1000, "currency": "EUR"}
    with db.transaction() as session:
        catalogue_upsert.import_rows(session, [row])
        return session.scalars(select(ProductRow.id).where(ProductRow.slug == sku.lower())).one()


def found(segment: Any) -> list[str]:
    with db.reading() as session:
        return sorted(session.scalars(select(UserRow.name).where(compiled(segment))))


def test_each_condition_finds_whom_it_means() -> None:
    chair, _ = on_shelf("CHAIR", "furniture/chairs"), on_shelf("LAMP", "lamps")
    ada, ben, cleo, _ = map(somebody, ("ada", "ben", "cleo", "dora"))
    bought(ada, "CHAIR", 5000)
    bought(ada, "LAMP", 5000, days_ago=100)
    bought(ben, "LAMP", 9000, days_ago=50)
    bought(cleo, "CHAIR", 90_000, status=Status.FAILED)  # came to nothing
    with db.transaction() as session:
        user_tags.pin(session, cleo, ["vip", "press"])
    assert found({"all": True}) == ["ada", "ben", "cleo", "dora"]
    assert found({"bought_product": chair}) == ["ada"]
    assert found({"bought_category": "furniture"}) == ["ada"]
    assert found({"bought_category": "furn"}) == []
    assert found({"bought_category": "lamps"}) == ["ada", "ben"]
    assert found({"spent_at_least": 10_000}) == ["ada"]
    assert found({"spent_at_least": 9000}) == ["ada", "ben"]
    assert found({"last_order_before": 30}) == ["ben"]
    assert found({"last_order_before": 60}) == []
    assert found({"never_ordered": True}) == ["cleo", "dora"]
    assert found({"tag": "vip"}) == ["cleo"]


def test_and_and_or_nest() -> None:
    ada, ben, _ = map(somebody, ("ada", "ben", "cleo"))
    with db.transaction() as session:
        user_tags.pin(session, ada, ["vip", "north"])
        user_tags.pin(session, ben, ["north"])
    assert found({"and": [{"tag": "north"}, {"tag": "vip"}]}) == ["ada"]
    assert found({"or": [{"tag": "vip"}, {"and": [{"never_ordered": True}, {"tag": "north"}]}]}) == ["ada", "ben"]


DEEP: Any = {"tag": "x"}
for _ in range(4):
    DEEP = {"and": [DEEP]}


@pytest.mark.parametrize(
    ("segment", "where"),
    [
        ({}, "segment:"),
        ([], "segment:"),
        ({"all": True, "tag": "x"}, "segment:"),
        ({"all": 1}, "segment.all:"),
        ({"sql": "1=1"}, "segment:"),
        ({"and": []}, "segment.and:"),
        ({"or": [{"tag": "x"}, {"tag": "x' OR 1=1 --"}]}, "segment.or[1].tag:"),
        ({"spent_at_least": True}, "segment.spent_at_least:"),
        ({"spent_at_least": 10**30}, "segment.spent_at_least:"),
        ({"last_order_before": -1}, "segment.last_order_before:"),
        ({"bought_product": "1"}, "segment.bought_product:"),
        ({"bought_category": "a%"}, "segment.bought_category:"),
        (DEEP, "segment.and[0].and[0].and[0].and[0]:"),
        ({"or": [{"tag": "x"}] * 20}, "segment.or[19]:"),
    ],
    ids=str,
)
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_nonsense_is_refused_with_its_place(segment: Any, where: str) -> None:
    with pytest.raises(Invalid) as refused:
        compiled(segment)
    assert refused.value.more["errors"]["segment"][0].startswith(where)
