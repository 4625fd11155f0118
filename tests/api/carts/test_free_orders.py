"""An order that costs nothing: nobody is asked for money, and it goes the way of every other."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from gateways.mail import Mail
from shop.orders.states import Status
from shop.payments.payments import TransactionRow
from tests.api.bank import Bank
from tests.api.catalogue_data import count, put_on_shelf, shelf, wish
from tests.api.clients import People, Person
from tests.api.inline_worker import drive
from tests.api.offers import coupon, filled, promotion, uses

pytestmark = pytest.mark.usefixtures("sent")


@pytest.fixture(autouse=True)
def _goods(app: Flask, bank: Bank) -> None:
    put_on_shelf("CHAIR", price=1999, on_hand=1)
    promotion(name="Free shipping", kind="free_shipping", percent=None)
    coupon(percent=100)


def placed(person: Person) -> dict[str, Any]:
    answer = filled(person).post("/api/orders", wish())
    assert answer.status_code == 202, answer.text
    assert answer.json["order"]["total"] == {"amount": 0, "currency": "EUR"}
    body: dict[str, Any] = answer.json
    return body


def test_it_is_confirmed_and_the_bank_hears_nothing(people: People, bank: Bank, sent: list[Mail]) -> None:
    ada = people.join()
    done = placed(ada)
    assert drive(done["job"]["id"]) == "succeeded"
    order = ada.get(f"/api/orders/{done['order']['id']}").json
    assert (order["status"], order["payment_status"]) == ("confirmed", "paid")
    [payment] = ada.get("/api/payments").json["items"]
    assert (payment["status"], payment["captured"]["amount"], payment["transactions"]) == ("captured", 0, [])
    assert (bank.charged, count(TransactionRow), shelf()) == ({}, 0, (0, 0))


def test_the_second_for_the_last_unit_is_undone_and_has_its_coupon_back(people: People, bank: Bank) -> None:
    ada, bob = people.join("Ada"), people.join("Bob")
    first, second = placed(ada), placed(bob)
    assert (drive(first["job"]["id"]), drive(second["job"]["id"])) == ("succeeded", "failed")
    order = bob.get(f"/api/orders/{second['order']['id']}").json
    assert (order["status"], order["payment_status"]) == (Status.FAILED, "unpaid")
    assert uses() == (1, 1)
    assert bank.charged == {}


def test_called_off_it_gives_the_goods_back(people: People, bank: Bank) -> None:
    ada = people.join()
    done = placed(ada)
    drive(done["job"]["id"])
    off = ada.post(f"/api/orders/{done['order']['id']}/cancel")
    assert off.status_code == 202, off.text
    assert drive(off.json["job"]["id"]) == "succeeded"
    assert ada.get(f"/api/orders/{done['order']['id']}").json["status"] == Status.CANCELLED
    assert (shelf(), uses(), bank.charged) == ((1, 0), (0, 0), {})
