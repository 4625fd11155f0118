"""P17: whoever was told 202 is told of the end, whatever it is; and what was ordered is back beside what is new."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from gateways.mail import Mail
from tests.api.bank import Bank
from tests.api.catalogue_data import order, put_on_shelf, wish
from tests.api.clients import People, Person, problem
from tests.api.inline_worker import drive


def told(sam: Person, order_id: str) -> list[str]:
    items: list[dict[str, Any]] = sam.get(f"/api/notifications?subject_id={order_id}").json["items"]
    return [row["event"].partition(":")[0] for row in items]


def hand_over(sam: Person, order_id: str) -> None:
    """Drive the runs that carry what is queued about this order."""
    for row in sam.get(f"/api/notifications?subject_id={order_id}").json["items"]:
        if row["status"] == "queued":
            jobs = sam.get("/api/jobs?workflow=send_notification").json["items"]
            [job] = [job["id"] for job in jobs if job["subject"]["id"] == row["id"]]
            assert drive(job) == "succeeded"


@pytest.mark.parametrize(
    ("left", "token", "sentence"),
    [
        (1, "tok_ok", "some of what you ordered was sold out before it could be set aside for you."),
        (5, "tok_declined", "the payment was declined."),
    ],
)
def test_p17_who_ordered_in_vain_is_told_why(
    app: Flask, people: People, sam: Person, bank: Bank, sent: list[Mail], left: int, token: str, sentence: str
) -> None:
    put_on_shelf("CHAIR", on_hand=5)
    ada = people.join("Ada")
    placed = order(ada, quantity=3, token=token)
    if left < 3:
        taken = {"kind": "adjust", "quantity": left - 5, "reason": "counted"}
        assert sam.post("/api/stock/CHAIR/movements", taken).status_code == 201
    assert drive(placed["job"]["id"]) == "failed"
    hand_over(sam, placed["order"]["id"])
    assert told(sam, placed["order"]["id"]) == ["order_failed"]
    assert sentence in sent[-1].text
    assert "Nothing is owed for it, and what you ordered is back in your cart." in sent[-1].text
    assert sent[-1].to == ada.email


def test_what_the_cart_says_is_sold_out_is_not_ordered_unasked(app: Flask, people: People, bank: Bank) -> None:
    put_on_shelf("CHAIR", on_hand=1)
    ada = people.join("Ada")
    ada.post("/api/cart/me", {"sku": "CHAIR", "quantity": 3})
    answer = ada.post("/api/orders", wish())
    assert problem(answer) == (409, "out_of_stock")
    assert answer.json["problems"] == [{"code": "out_of_stock", "sku": "CHAIR", "detail": "Only 1 left."}]
    assert ada.get("/api/orders").json["items"] == []
    assert [line["quantity"] for line in ada.get("/api/cart/me").json["lines"]] == [3]
    assert ada.post("/api/orders", wish(accept_problems=True)).status_code == 202


def test_p17_who_called_it_off_before_it_was_paid_is_told_that_it_is_cancelled(
    app: Flask, people: People, sam: Person, bank: Bank, sent: list[Mail]
) -> None:
    put_on_shelf("CHAIR")
    ada = people.join("Ada")
    placed = order(ada)
    assert ada.post(f"/api/orders/{placed['order']['id']}/cancel").status_code == 202
    assert drive(placed["job"]["id"]) == "failed"
    hand_over(sam, placed["order"]["id"])
    assert told(sam, placed["order"]["id"]) == ["order_cancelled"]
    assert "You owe nothing for it." in sent[-1].text


def test_what_was_ordered_in_vain_comes_back_beside_what_was_put_in_since(
    app: Flask, people: People, bank: Bank
) -> None:
    put_on_shelf("CHAIR", on_hand=2000)
    put_on_shelf("LAMP")
    ada = people.join("Ada")
    placed = order(ada, quantity=3, token="tok_declined")
    for sku in ("CHAIR", "LAMP"):
        ada.post("/api/cart/me", {"sku": sku, "quantity": 1})
    assert drive(placed["job"]["id"]) == "failed"
    lines = ada.get("/api/cart/me").json["lines"]
    assert {line["sku"]: line["quantity"] for line in lines} == {"CHAIR": 4, "LAMP": 1}


def test_no_cart_holds_more_of_one_than_a_cart_can(app: Flask, people: People, bank: Bank) -> None:
    put_on_shelf("CHAIR", on_hand=2000)
    ada = people.join("Ada")
    placed = order(ada, quantity=999, token="tok_declined")
    ada.post("/api/cart/me", {"sku": "CHAIR", "quantity": 2})
    assert drive(placed["job"]["id"]) == "failed"
    assert [line["quantity"] for line in ada.get("/api/cart/me").json["lines"]] == [999]


def test_two_orders_of_one_cart_that_fail_both_come_back(app: Flask, people: People, bank: Bank) -> None:
    put_on_shelf("CHAIR", on_hand=2000)
    ada = people.join("Ada")
    jobs = [order(ada, quantity=n, token="tok_declined")["job"]["id"] for n in (2, 3)]
    assert [drive(job) for job in jobs] == ["failed", "failed"]
    assert [line["quantity"] for line in ada.get("/api/cart/me").json["lines"]] == [5]
