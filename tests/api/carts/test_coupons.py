"""Coupons: in the cart they are a wish, with the order they are used, and what fails gives them back."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

import db
from db.functions import in_seconds
from engine.tables import RunRow
from shop.orders.orders import OrderRow
from shop.pricing.coupon_redemptions import CouponRedemptionRow
from shop.pricing.offers import OfferRow
from tests.api.bank import Bank
from tests.api.catalogue_data import (
    SHIPPING,
    change_price,
    count,
    guests_cart,
    guests_order,
    put_on_shelf,
    shelf,
    shipped,
    wish,
)
from tests.api.clients import People, Person, ask, post, problem
from tests.api.inline_worker import drive
from tests.api.offers import TEN_OFF, coupon, filled, promotion, uses
from tests.api.sql_recorder import listening

TOTAL = 1800 + SHIPPING
RUNS = RunRow.subject_type == "order"


@pytest.fixture(autouse=True)
def _goods(app: Flask) -> None:
    put_on_shelf("CHAIR", price=2000, on_hand=80)


def cart(person: Person) -> dict[str, Any]:
    seen: dict[str, Any] = person.get("/api/cart/me").json
    return seen


def hindered(person: Person) -> list[str]:
    return [problem["code"] for problem in cart(person)["problems"]]


def refused(person: Person, reason: str) -> None:
    """The order is refused for this reason, nothing is written and the cart is as it was."""
    before, orders, runs, used = cart(person), count(OrderRow), count(RunRow, RUNS), count(CouponRedemptionRow)
    answer = person.post("/api/orders", wish())
    assert problem(answer) == (409, "coupon_not_usable")
    assert answer.json["reason"] == reason
    assert (count(OrderRow), count(RunRow, RUNS), count(CouponRedemptionRow)) == (orders, runs, used)
    assert cart(person)["lines"] == before["lines"]
    assert cart(person)["coupons"] == before["coupons"]


def limit(**values: Any) -> None:
    with db.transaction() as session:
        session.execute(update(OfferRow).values(values))


def test_staff_make_change_list_and_take_away(people: People) -> None:
    sam = people.join("Sam", role="staff")
    made = sam.post("/api/coupons", TEN_OFF | {"code": "spring-10", "total_limit": 1, "per_customer": 1})
    assert (made.status_code, made.json["code"], made.json["uses"]) == (201, "SPRING-10", 0)
    assert sam.get("/api/coupons/Spring-10").json == made.json
    changed = sam.ask("PATCH", "/api/coupons/SPRING-10", {"total_limit": None, "stackable": False})
    assert (changed.json["total_limit"], changed.json["stackable"]) == (None, False)
    assert sam.get("/api/coupons").json == {"items": [changed.json], "next": None}
    assert problem(sam.post("/api/coupons", TEN_OFF | {"code": "SPRING-10"})) == (409, "code_taken")
    assert count(OfferRow) == 1
    assert sam.ask("DELETE", "/api/coupons/SPRING-10").status_code == 204
    assert problem(sam.get("/api/coupons/SPRING-10")) == (404, "not_found")


@pytest.mark.parametrize("code", ["", "AB", "A B C", "X" * 41, "ÄÖÜ", "a/b/c", 5, None])
def test_a_code_is_short_plain_text(people: People, code: Any) -> None:
    answer = people.join("Sam", role="staff").post("/api/coupons", TEN_OFF | {"code": code})
    assert problem(answer) == (422, "validation_failed")
    assert count(OfferRow) == 0


def test_customers_can_not_look_up_codes(people: People) -> None:
    coupon()
    ada = people.join()
    for verb, path in (("GET", "/api/coupons"), ("GET", "/api/coupons/SPRING"), ("DELETE", "/api/coupons/SPRING")):
        assert problem(ada.ask(verb, path)) == (403, "forbidden")
    assert problem(ada.ask("PATCH", "/api/coupons/SPRING", {"percent": 99})) == (403, "forbidden")
    assert count(OfferRow, OfferRow.percent == 1000) == 1


def test_in_the_cart_it_makes_cheaper_and_is_not_used(people: People) -> None:
    coupon()
    ada = filled(people.join(), code="spring ")
    seen = cart(ada)
    assert (seen["coupons"], seen["discount"]["amount"], seen["total"]["amount"]) == (["SPRING"], 200, 1800)
    assert uses() == (0, 0)
    assert problem(ada.ask("DELETE", "/api/cart/me/coupons/OTHER")) == (404, "not_found")
    gone = ada.ask("DELETE", "/api/cart/me/coupons/spring").json
    assert (gone["coupons"], gone["total"]["amount"]) == ([], 2000)
    assert ada.post("/api/cart/me/coupons", {"code": "SPRING"}).json["coupons"] == ["SPRING"]
    assert ada.ask("DELETE", "/api/cart/me").json["coupons"] == []


@pytest.mark.parametrize(("strategy", "kept"), [("merge", ["SPRING"]), ("keep_customer", [])])
def test_a_guests_coupon_comes_along_with_the_goods(app: Flask, people: People, strategy: str, kept: list[str]) -> None:
    coupon()
    ada, token = people.join(), guests_cart(app)
    post(app, f"/api/cart/{token}/coupons", {"code": "SPRING"})
    merged = ada.post("/api/cart/me/merge", {"from": token, "strategy": strategy})
    assert (merged.status_code, merged.json["coupons"]) == (200, kept)
    assert cart(ada)["coupons"] == kept


def test_another_takes_its_place(people: People) -> None:
    coupon()
    coupon("SUMMER", percent=50)
    ada = filled(people.join())
    assert ada.post("/api/cart/me/coupons", {"code": "SUMMER"}).json["discount"]["amount"] == 1000
    assert cart(ada)["coupons"] == ["SUMMER"]


def test_what_is_no_coupon_is_not_there(people: People) -> None:
    coupon(ends_at=None)
    promotion(name="SUMMER")
    ada = filled(people.join())
    for code in ("SUMMER", "SPRIN", "%", "' OR 1=1 --"):
        assert problem(ada.post("/api/cart/me/coupons", {"code": code})) == (404, "not_found")
    assert problem(ada.post("/api/cart/me/coupons", {"code": "a\nb"})) == (422, "validation_failed")
    assert cart(ada)["coupons"] == ["SPRING"]


def test_the_order_uses_it_keeps_what_it_took_off_and_takes_it_out_of_the_cart(people: People) -> None:
    coupon(total_limit=1)
    ada = filled(people.join())
    order = ada.post("/api/orders", wish()).json["order"]
    assert (order["coupon_code"], order["discount"]["amount"], order["total"]["amount"]) == ("SPRING", 200, TOTAL)
    assert uses() == (1, 1)
    assert cart(ada)["coupons"] == []
    assert problem(ada.post("/api/cart/me/coupons", {"code": "SPRING"})) == (409, "coupon_not_usable")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"ends_at": in_seconds(-0.001)}, "coupon_expired"),
        ({"starts_at": in_seconds(60.0)}, "coupon_expired"),
        ({"total_limit": 0}, "coupon_used_up"),
        ({"minimum": 2001}, "coupon_minimum"),
        ({"category": "garden"}, "coupon_no_effect"),
        ({"code": "RENAMED"}, "coupon_unknown"),
    ],
)
def test_a_coupon_that_takes_no_effect_is_said_and_stands_in_the_way(
    people: People, change: dict[str, Any], reason: str
) -> None:
    coupon()
    ada = filled(people.join())
    limit(**change)
    assert hindered(ada) == [reason]
    assert cart(ada)["discount"]["amount"] == 0
    refused(ada, reason)
    ada.ask("DELETE", "/api/cart/me/coupons/SPRING")
    assert ada.post("/api/orders", wish()).json["order"]["total"]["amount"] == 2000 + SHIPPING


def test_expired_at_the_edge_it_is_refused_and_not_used(people: People) -> None:
    coupon()
    ada = filled(people.join())
    limit(ends_at=in_seconds(0.3))
    assert hindered(ada) == []
    time.sleep(0.35)
    refused(ada, "coupon_expired")
    assert uses() == (0, 0)


def test_a_promotion_that_does_not_stack_leaves_nothing_for_it(people: People) -> None:
    coupon()
    promotion(stackable=False, priority=1, percent=5)
    ada = filled(people.join())
    assert (hindered(ada), cart(ada)["discount"]["amount"]) == (["coupon_no_effect"], 100)


def test_the_price_at_the_moment_of_ordering_counts(people: People) -> None:
    coupon()
    ada = filled(people.join())
    change_price("CHAIR", 3000)
    assert ada.post("/api/orders", wish()).json["order"]["discount"]["amount"] == 300


@pytest.mark.usefixtures("sent")
@pytest.mark.parametrize(("token", "status"), [("tok_declined", "failed"), ("tok_ok", "succeeded")])
def test_what_fails_gives_it_back_into_the_cart_and_what_goes_well_does_not(
    people: People, bank: Bank, token: str, status: str
) -> None:
    coupon(total_limit=1, per_customer=1)
    ada = filled(people.join())
    placed = ada.post("/api/orders", wish(token=token)).json
    assert drive(placed["job"]["id"]) == status
    went_well = status == "succeeded"
    assert uses() == ((1, 1) if went_well else (0, 0))
    assert cart(ada)["coupons"] == ([] if went_well else ["SPRING"])
    assert bank.taken(placed["order"]["id"]) == (TOTAL if went_well else 0)
    if not went_well:
        assert ada.post("/api/orders", wish()).json["order"]["total"]["amount"] == TOTAL


def test_what_is_called_off_gives_it_back_once(people: People, bank: Bank) -> None:
    coupon(total_limit=1)
    ada, bob = filled(people.join()), filled(people.join("Bob"))
    placed = ada.post("/api/orders", wish()).json
    for _ in range(2):
        ada.post(f"/api/orders/{placed['order']['id']}/cancel")
    assert drive(placed["job"]["id"]) == "failed"
    assert uses() == (0, 0)
    assert bob.post("/api/orders", wish()).status_code == 202
    assert uses() == (1, 1)
    assert ada.ask("DELETE", "/api/cart/me/coupons/SPRING").status_code == 200
    assert ada.post("/api/orders", wish()).json["order"]["discount"]["amount"] == 0


@pytest.mark.usefixtures("sent")
def test_what_is_called_off_after_it_was_paid_gives_it_back_once(people: People, bank: Bank) -> None:
    coupon(total_limit=1)
    ada = filled(people.join())
    placed = ada.post("/api/orders", wish()).json
    assert drive(placed["job"]["id"]) == "succeeded"
    answer = ada.post(f"/api/orders/{placed['order']['id']}/cancel")
    assert uses() == (1, 1), "the money is not back yet"
    assert drive(answer.json["job"]["id"]) == "succeeded"
    assert (uses(), bank.taken(placed["order"]["id"])) == ((0, 0), 0)
    assert cart(ada)["coupons"] == []


@pytest.mark.usefixtures("sent")
def test_what_comes_back_is_worth_what_was_paid_for_it(people: People, bank: Bank) -> None:
    put_on_shelf("LAMP", price=500, on_hand=9, category="lights")
    coupon(category="furniture", percent=25)
    ada, sam = filled(people.join()), people.join("Sam", role="staff")
    ada.post("/api/cart/me", {"sku": "LAMP", "quantity": 2})
    placed = ada.post("/api/orders", wish()).json
    drive(placed["job"]["id"])
    id = placed["order"]["id"]
    shipped(sam, id)
    for sku, worth in (("CHAIR", 1500), ("LAMP", 1000)):
        lines = [{"sku": sku, "quantity": 2 if sku == "LAMP" else 1}]
        back = ada.post(f"/api/orders/{id}/returns", {"lines": lines, "reason": "x"}).json["return"]
        got = sam.post(f"/api/orders/{id}/returns/{back['id']}/receive", {}).json
        assert got["return"]["refund"]["amount"] == worth
        assert drive(got["job"]["id"]) == "succeeded"
    assert bank.taken(id) == SHIPPING
    assert uses() == (1, 1), "the coupon was used"


def test_a_coupon_put_in_meanwhile_is_not_pushed_out_by_the_one_that_comes_back(people: People, bank: Bank) -> None:
    coupon()
    coupon("SUMMER")
    ada = filled(people.join())
    placed = ada.post("/api/orders", wish(token="tok_declined")).json
    ada.post("/api/cart/me/coupons", {"code": "SUMMER"})
    drive(placed["job"]["id"])
    assert (cart(ada)["coupons"], uses()) == (["SUMMER"], (0, 0))


def test_one_use_and_fifty_orders_at_once(people: People) -> None:
    coupon(total_limit=5)
    buyers = [filled(people.join()) for _ in range(50)]
    with ThreadPoolExecutor(25) as pool:
        answers = list(pool.map(lambda buyer: buyer.post("/api/orders", wish()), buyers))
    assert sorted(answer.status_code for answer in answers) == [202] * 5 + [409] * 45
    for buyer, answer in zip(buyers, answers, strict=True):
        if answer.status_code == 202:
            assert answer.json["order"]["discount"]["amount"] == 200
        else:
            assert (answer.json["code"], answer.json["reason"]) == ("coupon_not_usable", "coupon_used_up")
            assert (len(cart(buyer)["lines"]), cart(buyer)["coupons"]) == (1, ["SPRING"])
    assert (uses(), count(OrderRow), count(RunRow, RUNS)) == ((5, 5), 5, 5)
    assert shelf() == (80, 0)


def test_one_guest_with_fifty_carts_has_it_once(app: Flask) -> None:
    coupon(per_customer=1)
    tokens = [guests_cart(app) for _ in range(50)]
    for token in tokens:
        assert post(app, f"/api/cart/{token}/coupons", {"code": "SPRING"}).status_code == 200
    spelt = ["guest@example.com", "Guest@example.com", "GUEST@EXAMPLE.COM"]
    with ThreadPoolExecutor(25) as pool:
        answers = list(pool.map(lambda n: guests_order(app, tokens[n], email=spelt[n % 3]), range(50)))
    assert sorted(answer.status_code for answer in answers) == [202] + [409] * 49
    assert (uses(), count(OrderRow)) == ((1, 1), 1)


def test_a_customer_has_it_once_whatever_address_the_order_names(people: People) -> None:
    coupon(per_customer=1)
    ada = filled(people.join())
    assert ada.post("/api/orders", wish()).status_code == 202
    answer = ada.post("/api/cart/me/coupons", {"code": "SPRING"})
    assert (problem(answer), answer.json["reason"]) == ((409, "coupon_not_usable"), "coupon_used_up")
    limit(per_customer=2)
    filled(ada)
    limit(per_customer=1)
    refused_answer = ada.post("/api/orders", wish() | {"email": "other@example.com"})
    assert problem(refused_answer) == (409, "coupon_not_usable")
    assert (uses(), count(OrderRow)) == ((1, 1), 1)


def test_the_same_key_again_uses_it_once(people: People) -> None:
    coupon()
    ada = filled(people.join())
    first, again = (ada.post("/api/orders", wish(), **{"Idempotency-Key": "k"}) for _ in range(2))
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json == again.json
    assert uses() == (1, 1)


def test_a_foreign_cart_takes_no_coupon(app: Flask, people: People) -> None:
    coupon()
    ada, eve = filled(people.join()), people.join("Eve")
    for verb, path, body in (("POST", "", {"code": "SPRING"}), ("DELETE", "/SPRING", None)):
        assert problem(eve.ask(verb, f"/api/cart/{ada.id}/coupons{path}", body)) == (404, "not_found")
        assert problem(ask(app, verb, f"/api/cart/{ada.id}/coupons{path}", body))[0] == 401
    assert cart(ada)["coupons"] == ["SPRING"]


def test_a_wave_with_coupons_costs_five_statements_more(people: People) -> None:
    """Who they are, locked, claimed, counted, out of the cart."""
    coupon()
    ada = filled(people.join(), code=None)
    ada.post("/api/orders", wish())  # the first of a process stores the plan
    said = []
    for code in (None, "SPRING"):
        filled(ada, code=code)
        with listening() as heard:
            assert ada.post("/api/orders", wish()).status_code == 202
        said.append(len(heard))
    assert said == [12, 17], heard
