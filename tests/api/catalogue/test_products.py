"""Finding products: words, categories, prices, stock, order, pages that stand still."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from sqlalchemy import update

import db
from shop.catalogue.tables import ProductRow, VariantRow
from tests.api.catalogue_data import change_price, put_on_shelf
from tests.api.clients import problem
from tests.api.sql_recorder import listening


@pytest.fixture(autouse=True)
def _goods(client: FlaskClient) -> None:
    put_on_shelf("CHAIR", price=2000, on_hand=5, name="Oak Chair", description="Sits 100% well", slug="oak-chair")
    put_on_shelf("STOOL", price=1000, on_hand=0, name="Bar Stool", slug="bar-stool")
    put_on_shelf("DESK", price=9000, on_hand=2, name="Standing Desk", slug="desk", category="furniture/desks")
    put_on_shelf("LAMP", price=500, on_hand=9, name="Oak_Lamp", slug="lamp", category="lighting")


def names(client: FlaskClient, query: str = "") -> list[str]:
    answer = client.get(f"/api/products?{query}")
    assert answer.status_code == 200, answer.text
    return [item["slug"] for item in answer.json["items"]]


def test_a_product_is_the_same_in_the_list_and_alone_by_id_and_by_slug(client: FlaskClient) -> None:
    [item] = client.get("/api/products?q=oak+chair").json["items"]
    assert item == client.get(f"/api/products/{item['id']}").json == client.get("/api/products/oak-chair").json
    assert {name: item[name] for name in ("slug", "name", "category", "status", "images")} == {
        "slug": "oak-chair",
        "name": "Oak Chair",
        "category": "furniture/chairs",
        "status": "active",
        "images": [],
    }
    assert item["variants"] == [
        {
            "sku": "CHAIR",
            "name": "Plain",
            "options": {},
            "price": {"amount": 2000, "currency": "EUR"},
            "prices": [],
            "available": 5,
            "backorder": False,
            "backorder_limit": None,
        }
    ]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("sort=name", ["bar-stool", "oak-chair", "lamp", "desk"]),
        ("sort=-name", ["desk", "lamp", "oak-chair", "bar-stool"]),
        ("sort=price", ["lamp", "bar-stool", "oak-chair", "desk"]),
        ("sort=-price", ["desk", "oak-chair", "bar-stool", "lamp"]),
        ("sort=newest", ["lamp", "desk", "bar-stool", "oak-chair"]),
        ("q=OAK&sort=price", ["lamp", "oak-chair"]),
        ("q=oak+well", ["oak-chair"]),
        ("q=stool", ["bar-stool"]),
        ("q=desk+oak", []),
        ("category=furniture/%25", []),
        ("category=%27+OR+1=1--", []),
        ("category=furniture&sort=price", ["bar-stool", "oak-chair", "desk"]),
        ("category=furniture/chairs&sort=price", ["bar-stool", "oak-chair"]),
        ("category=furn", []),
        ("category=nowhere", []),
        ("min_price=1000&max_price=2000&sort=price", ["bar-stool", "oak-chair"]),
        ("min_price=2001", ["desk"]),
        ("in_stock=true&sort=price", ["lamp", "oak-chair", "desk"]),
        ("in_stock=false", ["bar-stool"]),
    ],
)
def test_a_search_finds_exactly(client: FlaskClient, query: str, found: list[str]) -> None:
    assert sorted(names(client, query)) == sorted(found)
    assert names(client, query) == found


def test_a_category_is_found_by_its_id_with_all_below_it(client: FlaskClient) -> None:
    categories = {row["path"]: row["id"] for row in client.get("/api/categories").json["items"]}
    assert list(categories) == ["furniture", "furniture/chairs", "furniture/desks", "lighting"]
    assert sorted(names(client, f"category={categories['furniture']}")) == ["bar-stool", "desk", "oak-chair"]
    one = client.get(f"/api/categories/{categories['lighting']}").json
    assert one == {"id": categories["lighting"], "path": "lighting", "name": "Lighting"}


def test_facets_count_all_that_was_found_and_not_only_the_page(client: FlaskClient) -> None:
    facets = client.get("/api/products?category=furniture&limit=1").json["facets"]
    assert facets == {
        "categories": [
            {"category": "furniture/chairs", "name": "Chairs", "count": 2},
            {"category": "furniture/desks", "name": "Desks", "count": 1},
        ],
        "options": [],
        "in_stock": {"true": 2, "false": 1},
        "price": {"min": {"amount": 1000, "currency": "EUR"}, "max": {"amount": 9000, "currency": "EUR"}},
    }
    nothing = client.get("/api/products?q=nothing").json["facets"]
    assert nothing == {
        "categories": [],
        "options": [],
        "in_stock": {"true": 0, "false": 0},
        "price": {"min": None, "max": None},
    }


@pytest.mark.parametrize("sort", ["name", "-name", "price", "-price", "newest"])
def test_pages_skip_nothing_and_repeat_nothing_while_products_are_added(client: FlaskClient, sort: str) -> None:
    put_on_shelf("CHAIR-2", price=2000, name="Oak Chair", slug="oak-chair-2")
    everything = names(client, f"sort={sort}")
    page = client.get(f"/api/products?sort={sort}&limit=2").json
    seen = [item["slug"] for item in page["items"]]
    put_on_shelf("ANT", price=1, name="Aaa", slug="aaa")
    put_on_shelf("ZEBRA", price=10**6, name="Zzz", slug="zzz")
    while page["next"]:
        page = client.get(f"/api/products?sort={sort}&limit=2&cursor={page['next']}").json
        seen += [item["slug"] for item in page["items"]]
    assert [slug for slug in seen if slug not in ("aaa", "zzz")] == everything
    assert len(seen) == len(set(seen))


@pytest.mark.parametrize(
    "query",
    [
        "sort=stock",
        "sort=price;--",
        "sort=(select+1)",
        "sort=",
        "in_stock=1+OR+1",
        "max_price=1;DROP+TABLE+products",
        "min_price=-1",
        "min_price=1.5",
        "max_price=1e3",
        "max_price=1000000000000000000000000000000",
        "min_price=NaN",
        "in_stock=maybe",
        "limit=0",
        "limit=101",
        "limit=1000000",
        "cursor=x",
        "cursor=WzFd",
        "q=" + "x" * 201,
        "q=%00",
    ],
)
def test_a_bad_search_is_422(client: FlaskClient, query: str) -> None:
    assert problem(client.get(f"/api/products?{query}")) == (422, "validation_failed")


def test_a_cursor_of_another_order_is_422(client: FlaskClient) -> None:
    cursor = client.get("/api/products?sort=price&limit=1").json["next"]
    assert problem(client.get(f"/api/products?sort=name&cursor={cursor}")) == (422, "validation_failed")


def test_who_has_the_newest_already_is_told_304_until_something_changes(client: FlaskClient) -> None:
    for path in ("/api/products?q=chair", "/api/products/oak-chair"):
        first = client.get(path)
        tag = first.headers["ETag"]
        again = client.get(path, headers={"If-None-Match": tag})
        assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", tag)
    change_price("CHAIR", 2100)
    for path in ("/api/products?q=chair", "/api/products/oak-chair"):
        assert client.get(path, headers={"If-None-Match": tag}).status_code == 200


def test_what_is_no_longer_sold_is_not_there(client: FlaskClient) -> None:
    with db.transaction() as session:
        session.execute(update(ProductRow).where(ProductRow.slug == "lamp").values(status="archived"))
        session.execute(update(VariantRow).where(VariantRow.sku == "DESK").values(active=False))
    assert sorted(names(client)) == ["bar-stool", "oak-chair"]
    assert problem(client.get("/api/products/lamp")) == (404, "not_found")


@pytest.mark.parametrize(
    "path", ["/api/products/nothing", "/api/products/%27", "/api/categories/1", "/api/products/a/b"]
)
def test_what_does_not_exist_is_404(client: FlaskClient, path: str) -> None:
    assert problem(client.get(path)) == (404, "not_found")


def test_a_page_takes_as_many_statements_however_many_products(client: FlaskClient) -> None:
    def statements(limit: int) -> int:
        with listening() as said:
            client.get(f"/api/products?limit={limit}")
        return len([statement for statement in said if statement.startswith("SELECT")])

    assert statements(1) == statements(4) == 6
