"""Orders: one command, one order, one run; seen by those whose order it is and nobody else."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask

import db
from engine.tables import RunRow
from gateways.mail import Mail
from shop.accounts import addresses
from shop.orders.orders import OrderRow
from shop.payments.payments import PaymentRow
from tests.api.bank import Bank
from tests.api.catalogue_data import (
    ADDRESS,
    SHIPPING,
    change_price,
    count,
    guests_cart,
    guests_order,
    order,
    put_on_shelf,
    shelf,
    wish,
)
from tests.api.clients import People, ask, post, problem
from tests.api.inline_worker import drive
from tests.api.sql_recorder import listening

TOTAL = 1999 + SHIPPING


def euros(amount: int) -> dict[str, Any]:
    return {"amount": amount, "currency": "EUR"}


@pytest.fixture(autouse=True)
def _goods(app: Flask) -> None:
    put_on_shelf("CHAIR", price=1999, on_hand=5)


def test_an_accepted_order_names_its_job_and_its_price(people: People) -> None:
    ada = people.join()
    ada.post("/api/cart/me", {"sku": "CHAIR", "quantity": 2})
    answer = ada.post("/api/orders", wish())
    body = answer.json
    assert answer.status_code == 202
    assert answer.headers["Location"] == f"/api/jobs/{body['job']['id']}"
    assert answer.headers["Retry-After"] == "1"
    assert (body["job"]["status"], body["job"]["workflow"]) == ("queued", "place_order")
    assert body["job"]["subject"] == {"type": "order", "id": body["order"]["id"]}
    assert [step["status"] for step in body["job"]["steps"]] == ["pending"] * 4
    placed = body["order"]
    assert placed["job"] == body["job"]
    assert (placed["status"], placed["payment_status"], placed["fulfilment_status"]) == (
        "pending",
        "unpaid",
        "unfulfilled",
    )
    nothing = {"discount": euros(0), "tax": euros(0), "backordered": 0}
    assert placed["lines"] == [
        {
            "sku": "CHAIR",
            "name": "Chair Plain",
            "quantity": 2,
            "unit_price": euros(1999),
            "total": euros(3998),
            **nothing,
        }
    ]
    sums = {name: placed[name]["amount"] for name in ("subtotal", "discount", "shipping", "tax", "total")}
    assert sums == {"subtotal": 3998, "discount": 0, "shipping": 490, "tax": 0, "total": 4488}
    assert placed["shipping_address"] == ADDRESS
    assert ada.get("/api/cart/me").json["lines"] == []


def test_the_order_read_later_is_the_order_that_was_answered(people: People) -> None:
    ada = people.join()
    placed = order(ada)["order"]
    assert ada.get(f"/api/orders/{placed['id']}").json == placed
    assert ada.get("/api/orders").json == {"items": [placed], "next": None}


def test_a_driven_order_is_confirmed_paid_and_told(people: People, bank: Bank, sent: list[Mail]) -> None:
    ada = people.join()
    placed = order(ada)
    assert drive(placed["job"]["id"]) == "succeeded"
    seen = ada.get(f"/api/orders/{placed['order']['id']}").json
    assert (seen["status"], seen["payment_status"], seen["job"]["status"]) == ("confirmed", "paid", "succeeded")
    assert bank.taken(seen["id"]) == TOTAL
    assert shelf() == (4, 0)
    assert [mail.to for mail in sent] == [ada.email]


def test_a_declined_order_is_undone_and_its_goods_are_back_in_the_cart(people: People, bank: Bank) -> None:
    ada = people.join()
    placed = order(ada, token="tok_declined")
    assert drive(placed["job"]["id"]) == "failed"
    seen = ada.get(f"/api/orders/{placed['order']['id']}").json
    assert (seen["status"], seen["payment_status"]) == ("failed", "unpaid")
    assert (seen["job"]["error"]["code"], shelf(), bank.charged) == ("card_declined", (5, 0), {})
    assert [line["sku"] for line in ada.get("/api/cart/me").json["lines"]] == ["CHAIR"]


PLACING = ["SELECT", "WITH", *["SELECT"] * 3, *["INSERT"] * 4, "DELETE", "INSERT"]
REPEATABLE = [*PLACING[:1], "INSERT", *PLACING[1:], "UPDATE"]


@pytest.mark.parametrize(("headers", "expected"), [({}, PLACING), ({"Idempotency-Key": "k"}, REPEATABLE)])
def test_an_order_costs_eleven_statements_and_one_commit(
    people: People, headers: dict[str, str], expected: list[str]
) -> None:
    """Who asks, the cart, what is in it, offers, tariffs; order, lines, history, payment, cart, run. No ping beside."""
    ada = people.join()
    order(ada)
    ada.post("/api/cart/me", {"sku": "CHAIR", "quantity": 1})
    with listening() as said:
        assert ada.post("/api/orders", wish(), **headers).status_code == 202
    assert [statement.split()[0] for statement in said] == [*expected, "COMMIT"], said


def test_the_timeline_tells_the_steps_and_the_changes_of_status(people: People, bank: Bank, sent: list[Mail]) -> None:
    ada = people.join()
    placed = order(ada)
    drive(placed["job"]["id"])
    moments = ada.get(f"/api/orders/{placed['order']['id']}/timeline").json["items"]
    told = [(m["kind"], m.get("step") or m["reason"], m["status"]) for m in moments]
    assert told[:3] == [
        ("status", "placed", "pending"),
        ("step", "reserve_stock", "done"),
        ("step", "charge_payment", "done"),
    ]
    assert sorted(told[3:5]) == [("status", "paid", "confirmed"), ("step", "confirm_order", "done")]  # one transaction
    assert told[5:] == [("step", "notify_customer", "done")]
    assert [m["at"] for m in moments] == sorted(m["at"] for m in moments)


def test_a_price_that_changed_is_charged_as_it_is_when_ordering(people: People, bank: Bank) -> None:
    ada = people.join()
    ada.post("/api/cart/me", {"sku": "CHAIR", "quantity": 1})
    change_price("CHAIR", 2500)
    problems = ada.get("/api/cart/me").json["problems"]
    assert [(p["code"], p["sku"]) for p in problems] == [("price_changed", "CHAIR")]
    placed = ada.post("/api/orders", wish()).json
    change_price("CHAIR", 1)
    drive(placed["job"]["id"], steps=2)
    assert placed["order"]["total"] == euros(2500 + SHIPPING)
    assert bank.taken(placed["order"]["id"]) == 2500 + SHIPPING


def test_who_says_what_it_should_come_to_pays_that_or_nothing(people: People, bank: Bank) -> None:
    ada = people.join()
    ada.post("/api/cart/me", {"sku": "CHAIR", "quantity": 1})
    seen, now = euros(1999 + SHIPPING), euros(2500 + SHIPPING)
    change_price("CHAIR", 2500)
    for expected in (seen, now | {"currency": "USD"}):
        answer = ada.post("/api/orders", wish(expected_total=expected))
        assert (problem(answer), answer.json["total"]) == ((409, "total_changed"), now)
    assert (count(OrderRow), len(ada.get("/api/cart/me").json["lines"])) == (0, 1)
    placed = ada.post("/api/orders", wish(expected_total=now)).json
    assert placed["order"]["total"] == now
    assert problem(ada.post("/api/orders", wish(expected_total=2499))) == (422, "validation_failed")


@pytest.mark.parametrize("field", ["user", "user_id", "role", "price", "total", "status", "id", "discount"])
def test_what_the_server_decides_can_not_be_sent(people: People, field: str) -> None:
    ada = people.join()
    ada.post("/api/cart/me", {"sku": "CHAIR", "quantity": 1})
    answer = ada.post("/api/orders", wish() | {field: 1})
    assert problem(answer) == (422, "validation_failed")
    assert answer.json["errors"] == {field: ["Unknown field."]}
    assert (count(OrderRow), count(RunRow, RunRow.subject_type == "order")) == (0, 0)
    assert len(ada.get("/api/cart/me").json["lines"]) == 1


@pytest.mark.parametrize(
    ("change", "errors"),
    [
        ({"shipping_method": "teleport"}, {"shipping_method"}),
        ({"payment": {"method": "cash", "token": "x"}}, {"payment.method"}),
        ({"payment": {"method": "card"}}, {"payment.token"}),
        ({"payment": {"method": "card", "token": "x" * 256}}, {"payment.token"}),
        ({"payment": {"method": "card", "token": "t", "amount": 1}}, {"payment.amount"}),
        ({"shipping_address": ADDRESS | {"country": "XX"}}, {"shipping_address.country"}),
        ({"shipping_address": ADDRESS | {"name": "a\r\nBcc: x"}}, {"shipping_address.name"}),
        ({"shipping_address_id": "0199aaaa-0000-7000-8000-000000000000"}, {"shipping_address"}),
        ({"cart": None}, {"cart"}),
        ({"cart": 7}, {"cart"}),
    ],
)
def test_a_bad_wish_is_explained_and_changes_nothing(people: People, change: dict[str, Any], errors: set[str]) -> None:
    ada = people.join()
    ada.post("/api/cart/me", {"sku": "CHAIR", "quantity": 1})
    answer = ada.post("/api/orders", wish() | change)
    assert problem(answer) == (422, "validation_failed")
    assert set(answer.json["errors"]) == errors
    assert (count(OrderRow), count(PaymentRow), len(ada.get("/api/cart/me").json["lines"])) == (0, 0, 1)


def test_an_empty_cart_and_one_that_never_was_can_not_be_ordered(people: People) -> None:
    ada = people.join()
    assert problem(ada.post("/api/orders", wish())) == (409, "cart_empty")
    ada.post("/api/cart/me", {"sku": "CHAIR", "quantity": 1})
    ada.ask("DELETE", "/api/cart/me")
    assert problem(ada.post("/api/orders", wish())) == (409, "cart_empty")
    assert count(OrderRow) == 0


def test_an_address_of_the_book_is_copied_and_nobody_elses_is_there(people: People) -> None:
    ada, bob = people.join("Ada"), people.join("Bob")
    with db.transaction() as session:
        id = addresses.add(session, ada.id, dict(ADDRESS)).id
    named = {name: value for name, value in wish().items() if name != "shipping_address"} | {"shipping_address_id": id}
    for person in (ada, bob):
        person.post("/api/cart/me", {"sku": "CHAIR", "quantity": 1})
    assert problem(bob.post("/api/orders", named)) == (404, "not_found")
    placed = ada.post("/api/orders", named).json["order"]
    assert {name: placed["shipping_address"][name] for name in ADDRESS} == ADDRESS
    assert count(OrderRow) == 1


def test_somebody_elses_cart_can_not_be_ordered(people: People) -> None:
    ada, bob, sam = people.join("Ada"), people.join("Bob"), people.join("Sam", role="staff")
    ada.post("/api/cart/me", {"sku": "CHAIR", "quantity": 1})
    for thief in (bob, sam):
        assert problem(thief.post("/api/orders", wish(ada.id))) == (404, "not_found")
    assert (count(OrderRow), len(ada.get("/api/cart/me").json["lines"])) == (0, 1)


def test_one_cart_ordered_twice_at_once_is_one_order(people: People) -> None:
    ada = people.join()
    ada.post("/api/cart/me", {"sku": "CHAIR", "quantity": 2})
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: ada.post("/api/orders", wish()), range(2)))
    assert sorted(answer.status_code for answer in answers) == [202, 409]
    assert (count(OrderRow), count(PaymentRow), count(RunRow, RunRow.subject_type == "order")) == (1, 1, 1)


def test_what_is_put_in_while_the_cart_is_ordered_is_ordered_or_still_there(people: People) -> None:
    ada, units = people.join(), {"CHAIR": 0, "LAMP": 0}
    put_on_shelf("LAMP", on_hand=9)
    ada.post("/api/cart/me", {"sku": "CHAIR", "quantity": 2})
    lamp = ("/api/cart/me", {"sku": "LAMP", "quantity": 1})
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda call: ada.post(*call), [lamp, lamp, ("/api/orders", wish()), lamp, lamp, lamp]))
    assert [answer.status_code for answer in answers] == [200, 200, 202, 200, 200, 200]
    order = answers[2].json["order"]
    assert order["subtotal"]["amount"] == sum(line["total"]["amount"] for line in order["lines"])
    for line in (*order["lines"], *ada.get("/api/cart/me").json["lines"]):
        units[line["sku"]] += line["quantity"]
    assert units == {"CHAIR": 2, "LAMP": 5}


def test_one_idempotency_key_fifty_times_at_once_is_one_order_and_one_run(people: People) -> None:
    ada = people.join()
    ada.post("/api/cart/me", {"sku": "CHAIR", "quantity": 1})
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: ada.post("/api/orders", wish(), **{"Idempotency-Key": "k"}), range(50)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.data for answer in answers}) == 1
    assert sum("Idempotency-Replayed" not in answer.headers for answer in answers) == 1
    assert (count(OrderRow), count(PaymentRow), count(RunRow, RunRow.subject_type == "order")) == (1, 1, 1)


# --- guests ---------------------------------------------------------------------------------------


def test_a_guest_orders_and_sees_the_order_with_its_own_token_only(app: Flask, bank: Bank, sent: list[Mail]) -> None:
    cart = guests_cart(app)
    placed = guests_order(app, cart).json
    token = placed["order_token"]
    assert drive(placed["job"]["id"]) == "succeeded"
    paths = [f"/api/orders/{placed['order']['id']}{more}" for more in ("", "/timeline")]
    paths.append(f"/api/jobs/{placed['job']['id']}")
    other = guests_cart(app)
    for path in paths:
        assert ask(app, "GET", path, headers={"X-Order-Token": token}).status_code == 200
        assert ask(app, "GET", f"{path}?token={token}").status_code == 200
        wrong = [{"X-Order-Token": shown} for shown in (cart, other, "", token[:-1] + "é")]
        for headers in ({}, *wrong, {"X-Cart-Token": cart}):
            assert problem(ask(app, "GET", path, headers=headers)) == (404, "not_found")
    assert [mail.to for mail in sent] == ["guest@example.com"]


def test_a_guest_must_say_where_to_write_to(app: Flask) -> None:
    token = guests_cart(app)
    answer = post(app, "/api/orders", wish(token))
    assert problem(answer) == (422, "validation_failed")
    assert set(answer.json["errors"]) == {"email"}
    assert problem(guests_order(app, token, email="a@b\nBcc: c@d")) == (422, "validation_failed")
    assert problem(post(app, "/api/orders", wish("me"))) == (401, "unauthenticated")
    assert count(OrderRow) == 0


def test_a_customers_order_can_not_be_seen_with_a_cart_token(app: Flask, people: People) -> None:
    ada = people.join()
    token = guests_cart(app)
    placed = ada.post("/api/orders", wish(token)).json["order"]
    answer = ask(app, "GET", f"/api/orders/{placed['id']}", headers={"X-Order-Token": token})
    assert problem(answer) == (404, "not_found")
    assert ada.get(f"/api/orders/{placed['id']}").status_code == 200


# --- lists ------------------------------------------------------------------------------------------


def test_everybody_sees_their_own_orders_and_staff_see_all(people: People) -> None:
    ada, bob, sam = people.join("Ada"), people.join("Bob"), people.join("Sam", role="staff")
    first, second, third = order(ada)["order"]["id"], order(bob)["order"]["id"], order(ada)["order"]["id"]

    def ids(person: Any, query: str = "") -> list[str]:
        return [item["id"] for item in person.get(f"/api/orders{query}").json["items"]]

    assert ids(ada) == [third, first]
    assert ids(bob) == [second]
    assert ids(bob, f"?customer={ada.id}") == []
    assert ids(sam) == [third, second, first]
    assert ids(sam, f"?customer={ada.id}") == [third, first]
    assert ids(sam, "?status=confirmed") == []
    assert problem(sam.get("/api/orders?status=lost")) == (422, "validation_failed")


def test_pages_of_orders_skip_nothing(people: People) -> None:
    ada = people.join()
    placed = [order(ada)["order"]["id"] for _ in range(3)]
    page = ada.get("/api/orders?limit=2").json
    rest = ada.get(f"/api/orders?limit=2&cursor={page['next']}").json
    assert [item["id"] for item in page["items"] + rest["items"]] == placed[::-1]
    assert rest["next"] is None


# --- cancelling -------------------------------------------------------------------------------------


def test_an_order_called_off_on_its_way_is_undone(people: People, bank: Bank) -> None:
    ada = people.join()
    placed = order(ada)
    drive(placed["job"]["id"], steps=2)
    answer = ada.post(f"/api/orders/{placed['order']['id']}/cancel")
    assert (answer.status_code, answer.json["job"]["cancel_requested"]) == (202, True)
    assert drive(placed["job"]["id"]) == "failed"
    seen = ada.get(f"/api/orders/{placed['order']['id']}").json
    assert (seen["status"], seen["payment_status"], seen["job"]["error"]["code"]) == (
        "cancelled",
        "refunded",
        "cancelled",
    )
    assert (bank.taken(seen["id"]), shelf()) == (0, (5, 0))


def test_nobody_else_calls_an_order_off(people: People) -> None:
    ada, bob = people.join("Ada"), people.join("Bob")
    placed = order(ada)
    assert problem(bob.post(f"/api/orders/{placed['order']['id']}/cancel")) == (404, "not_found")
    assert ada.get(f"/api/jobs/{placed['job']['id']}").json["cancel_requested"] is False
