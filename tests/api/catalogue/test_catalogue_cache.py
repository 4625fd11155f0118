"""Answers about the catalogue are kept until it changes: by an edit, an import, an order."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis

import api.catalogue.products
import db
from api import create_app
from db.schema import new_id
from shop.catalogue import products
from shop.catalogue import tables as catalogue_tables
from tests.api.bank import Bank
from tests.api.catalogue_data import order, put_on_shelf
from tests.api.clients import People, Person, problem
from tests.api.conftest import LIMITS, PLENTY
from tests.api.inline_worker import drive
from tests.api.sql_recorder import listening
from tests.fixtures import Configure, Database
from tests.services.session import Services

LIST, ONE = "/api/products?sort=name", "/api/products/chair"


@pytest.fixture(params=["in process", "in redis"])
def app(request: pytest.FixtureRequest, database: Database, configure: Configure) -> Flask:
    url = request.getfixturevalue("services").redis.url if request.param == "in redis" else ""
    configure(REDIS_URL=url, QUEUE_PREFIX=f"{new_id()}.", **dict.fromkeys(LIMITS, PLENTY))
    return create_app()


@pytest.fixture
def chair(client: FlaskClient) -> str:
    """Its id. Everything about it has been looked at."""
    put_on_shelf("CHAIR", price=2000, on_hand=5)
    id: str = client.get(ONE).json["id"]
    for path in (LIST, f"/api/products/{id}", "/api/categories"):
        assert client.get(path).status_code == 200
    return id


def prices(client: FlaskClient, *paths: str) -> list[int]:
    shown = [client.get(path).json for path in paths]
    return [one["variants"][0]["price"]["amount"] for body in shown for one in body.get("items", [body])]


def test_who_asks_again_does_not_reach_the_database(client: FlaskClient, chair: str) -> None:
    with listening() as said:
        for path in (LIST, ONE, f"/api/products/{chair}", "/api/categories"):
            first = client.get(path)
            tag = {"If-None-Match": first.headers["ETag"]}
            assert (first.status_code, client.get(path, headers=tag).status_code) == (200, 304)
            assert first.headers["Cache-Control"] == "private, no-cache"
    assert said == []
    for nothing in ("/api/products/nothing", "/api/products?cursor=x"):
        assert problem(client.get(nothing)) == problem(client.get(nothing))


def test_an_edit_is_seen_at_once_everywhere(client: FlaskClient, sam: Person, chair: str) -> None:
    everywhere = (LIST, ONE, f"/api/products/{chair}")
    price = {"price": {"amount": 2100, "currency": "EUR"}}
    assert sam.ask("PATCH", f"{ONE}/variants/CHAIR", price).status_code == 200
    assert prices(client, *everywhere) == [2100] * 3
    any_version = {"If-Match": "*"}
    sam.ask("PATCH", f"/api/products/{chair}", {"slug": "seat"}, **any_version)
    assert problem(client.get(ONE)) == (404, "not_found")
    assert client.get("/api/products/seat").json["id"] == chair
    categories = client.get("/api/categories").json["items"]
    sam.ask("PATCH", f"/api/categories/{categories[1]['id']}", {"path": "seats"})
    assert client.get("/api/products/seat").json["category"] == "seats"
    assert [row["path"] for row in client.get("/api/categories").json["items"]] == ["furniture", "seats"]
    sam.ask("DELETE", "/api/products/seat", **any_version)
    assert (client.get(LIST).json["items"], client.get("/api/products/seat").status_code) == ([], 404)


def test_an_import_is_seen_at_once(client: FlaskClient, sam: Person, chair: str) -> None:
    line = json.dumps({"slug": "chair", "name": "Armchair", "sku": "CHAIR", "price_cents": 2200})
    headers = sam.headers | {"Content-Type": "application/x-ndjson"}
    job = sam.app.test_client().post("/api/products/import", data=line, headers=headers).json["job"]["id"]
    assert prices(client, LIST, ONE) == [2000, 2000]
    assert drive(job) == "succeeded"
    assert prices(client, LIST, ONE, f"/api/products/{chair}") == [2200] * 3


def test_what_is_left_is_right_alone_and_lists_know_what_is_sold_out(
    client: FlaskClient, people: People, bank: Bank, chair: str
) -> None:
    def left(path: str) -> int:
        body = client.get(path).json
        found: int = body.get("items", [body])[0]["variants"][0]["available"]
        return found

    ada = people.join()
    drive(order(ada, quantity=2)["job"]["id"])
    assert (left(ONE), left(LIST)) == (3, 5), "a list may be a few seconds behind"
    drive(order(ada, quantity=3)["job"]["id"])
    assert (left(ONE), left(LIST)) == (0, 0)
    assert client.get(f"{LIST}&in_stock=true").json["items"] == []


def test_an_edit_that_is_rolled_back_is_seen_nowhere_and_forgets_nothing(client: FlaskClient, chair: str) -> None:
    with db.transaction() as session:
        products.edit(session, products.hold(session, chair), {"name": "Never"})
        session.rollback()
    with listening() as said:
        assert client.get(ONE).json["name"] == "Chair"
    assert said == []


def test_of_two_the_slow_reader_keeps_no_old_price(
    client: FlaskClient, sam: Person, chair: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has read the old one when the new one is committed, and keeps what it read after that."""
    catch = {"price": {"amount": 2300, "currency": "EUR"}}
    read = api.catalogue.products._read

    def overtaken(*asked: str) -> Any:
        found = read(*asked)
        monkeypatch.undo()
        assert sam.ask("PATCH", f"{ONE}/variants/CHAIR", catch).status_code == 200
        return found

    with db.transaction() as session:
        catalogue_tables.stock_changed(session, ["CHAIR"], lists=True)
    monkeypatch.setattr("api.catalogue.products._read", overtaken)
    assert prices(client, ONE, ONE, LIST) == [2000, 2300, 2300]


def test_carts_and_orders_read_the_database(
    client: FlaskClient, people: People, chair: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when nobody has said that the price is another one."""
    monkeypatch.setattr("caching.forget", lambda topics: None)
    put_on_shelf("CHAIR", price=9900, on_hand=0)
    assert prices(client, ONE) == [2000]
    ada = people.join()
    assert ada.post("/api/cart/me", {"sku": "CHAIR", "quantity": 1}).json["subtotal"]["amount"] == 9900
    assert order(ada)["order"]["subtotal"]["amount"] == 2 * 9900


def test_redis_holds_json_under_our_prefix_and_for_seconds(
    database: Database, configure: Configure, services: Services
) -> None:
    prefix = f"{new_id()}."
    configure(REDIS_URL=services.redis.url, QUEUE_PREFIX=prefix)
    put_on_shelf("CHAIR")
    create_app().test_client().get(ONE)
    with Redis.from_url(services.redis.url) as redis:
        [key] = redis.keys(f"{prefix}catalogue.1.product.chair.EUR")
        marks, body, tag = json.loads(redis.get(key) or b"")
        assert (len(marks), json.loads(body)["slug"], tag[0]) == (2, "chair", '"')
        assert 0 < redis.pttl(key) <= 5000


def test_with_a_dead_redis_everything_is_read_afresh(database: Database, configure: Configure) -> None:
    configure(REDIS_URL="redis://127.0.0.1:1/0")
    put_on_shelf("CHAIR", price=2000)
    client = create_app().test_client()
    assert prices(client, ONE, LIST) == [2000, 2000]
    put_on_shelf("CHAIR", price=2100)
    assert prices(client, ONE, LIST) == [2100, 2100]
