"""Orders of many shoppers in one transaction: each gets what they would have got alone."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from flask import Flask
from sqlalchemy import update

import db
from api.carts.owner import Owner
from api.orders.batch_placement import Placing, place_all
from engine.tables import RunRow
from shop.accounts import sessions
from shop.accounts.sessions import Claim
from shop.catalogue.tables import VariantRow
from shop.kernel.errors import Refusal
from shop.kernel.idempotency import Answered, Asked, IdempotencyKeyRow
from shop.kernel.money import MOST
from shop.orders.orders import OrderRow
from tests.api.catalogue_data import SHIPPING, change_price, count, guests_cart, put_on_shelf, wish
from tests.api.clients import People, Person, problem
from tests.api.sql_recorder import listening

RUNS = RunRow.subject_type == "order"


@pytest.fixture(autouse=True)
def _goods(app: Flask) -> None:
    put_on_shelf("CHAIR", price=1999, on_hand=5)
    put_on_shelf("LAMP", price=500, on_hand=5)


def shopper(people: People, sku: str = "CHAIR", quantity: int = 1) -> Person:
    ada = people.join()
    assert ada.post("/api/cart/me", {"sku": sku, "quantity": quantity}).status_code == 200
    return ada


def placing(person: Person, key: str = "", **more: Any) -> Placing:
    said = jwt.decode(person.access, options={"verify_signature": False})
    claim = Claim(said["sid"], person.id, datetime.now(UTC) + timedelta(hours=1))
    asked = Asked(f"user:{person.id}", key, f"print of {key}") if key else None
    return Placing(wish(**more), Owner(person.id, is_guest=False), claim, asked)


def place(app: Flask, *placings: Placing) -> list[Any]:
    """The body of each order, or the code of each refusal."""
    with app.app_context(), db.transaction() as session:
        answers = place_all(session, placings)
    return [answer.code if isinstance(answer, Refusal) else json.loads(answer.body) for answer in answers]


def test_a_wave_of_many_takes_as_many_statements_as_a_wave_of_one(app: Flask, people: People) -> None:
    shoppers = [shopper(people) for _ in range(5)]
    place(app, placing(shopper(people)))  # the first of a process stores the plan
    said = []
    for wave in (shoppers[:1], shoppers[1:]):
        with listening() as heard:
            assert len(place(app, *[placing(ada) for ada in wave])) == len(wave)
        said.append([statement.split()[0] for statement in heard])
    assert said[0] == said[1]
    assert (count(OrderRow), count(RunRow, RUNS)) == (6, 6)


def test_each_gets_the_order_of_their_own_cart(app: Flask, people: People) -> None:
    ada, bob = shopper(people, "CHAIR", 2), shopper(people, "LAMP")
    bob.post("/api/cart/me", {"sku": "CHAIR", "quantity": 1})
    token = guests_cart(app, "LAMP", 3)
    guest = Placing(wish(token, email="g@example.com"), Owner(token, is_guest=True), None, None)
    bodies = place(app, placing(ada), placing(bob), guest)
    seen = [(body["order"]["email"], body["order"]["total"]["amount"] - SHIPPING) for body in bodies]
    assert seen == [(ada.email, 3998), (bob.email, 2499), ("g@example.com", 1500)]
    assert [line["sku"] for line in bodies[1]["order"]["lines"]] == ["LAMP", "CHAIR"]
    for person, body in ((ada, bodies[0]), (bob, bodies[1])):
        assert person.get("/api/orders").json["items"] == [body["order"]]
        assert person.get(f"/api/jobs/{body['job']['id']}").json == body["job"]
        assert person.get("/api/cart/me").json["lines"] == []


def test_what_one_is_refused_is_theirs_alone(app: Flask, people: People) -> None:
    good, gone, lost, old, empty = *(shopper(people) for _ in range(3)), shopper(people, "LAMP"), people.join()
    with db.transaction() as session:
        sessions.revoke_all(session, gone.id)
        session.execute(update(VariantRow).where(VariantRow.sku == "LAMP").values(active=False))
    nowhere = placing(lost, shipping_address_id="0199aaaa-0000-7000-8000-000000000000")
    del nowhere.wish["shipping_address"]
    wave = [placing(gone, "k"), placing(empty, "k"), placing(old, "k"), placing(good, "k"), nowhere]
    answers = place(app, *wave)
    assert [answer if isinstance(answer, str) else answer["order"]["customer_id"] for answer in answers] == [
        "invalid_token",
        "cart_empty",
        "validation_failed",
        good.id,
        "not_found",
    ]
    assert (count(OrderRow), count(RunRow, RUNS), count(IdempotencyKeyRow)) == (1, 1, 1)
    assert [problem["sku"] for problem in old.get("/api/cart/me").json["problems"]] == ["LAMP"]


def test_a_key_that_came_before_brings_the_first_answer_and_orders_nothing(app: Flask, people: People) -> None:
    ada, bob, cyd = (shopper(people) for _ in range(3))
    first = place(app, placing(ada, "k"), placing(cyd, "k"))
    for person in (ada, cyd):
        person.post("/api/cart/me", {"sku": "CHAIR", "quantity": 1})
    changed = replace(placing(cyd, "k"), asked=Asked(f"user:{cyd.id}", "k", "another print"))
    with app.app_context(), db.transaction() as session:
        again, fresh, reused = place_all(session, [placing(ada, "k"), placing(bob, "k"), changed])
    assert isinstance(again, Answered)
    assert isinstance(fresh, Answered)
    assert isinstance(reused, Refusal)
    assert (json.loads(again.body), again.headers["Idempotency-Replayed"]) == (first[0], "true")
    assert "Idempotency-Replayed" not in fresh.headers
    assert reused.code == "idempotency_key_reused"
    assert (count(OrderRow), count(IdempotencyKeyRow)) == (3, 3)
    assert len(ada.get("/api/cart/me").json["lines"]) == 1


def test_an_order_too_dear_for_any_shop_hurts_nobody_beside_it(app: Flask, people: People) -> None:
    put_on_shelf("MOON", price=1, on_hand=2)
    buyers = [shopper(people, "MOON", 2) if number == 3 else shopper(people) for number in range(6)]
    change_price("MOON", MOST)
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda buyer: buyer.post("/api/orders", wish()), buyers))
    assert [answer.status_code for answer in answers] == [202, 202, 202, 422, 202, 202]
    assert problem(answers[3]) == (422, "validation_failed")
    assert (count(OrderRow), count(RunRow, RUNS)) == (5, 5)


def test_i14_everybody_is_answered_with_their_own_order(app: Flask, people: People) -> None:
    buyers = [shopper(people) for _ in range(12)]
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda buyer: buyer.post("/api/orders", wish()), buyers))
    assert [answer.json["order"]["customer_id"] for answer in answers] == [buyer.id for buyer in buyers]
    assert len({answer.json["job"]["id"] for answer in answers}) == 12
    for buyer, answer in zip(buyers, answers, strict=True):
        assert buyer.get("/api/orders").json["items"] == [answer.json["order"]]


def test_i13_whoever_signed_out_is_told_so_whatever_else_is_wrong(people: People) -> None:
    ada = shopper(people)
    assert ada.post("/api/auth/logout").status_code in (200, 204)
    for body in (wish(), wish() | {"price": 1}, {}, wish("0199aaaa-0000-7000-8000-000000000000")):
        assert problem(ada.post("/api/orders", body)) == (401, "invalid_token")
    assert count(OrderRow) == 0
