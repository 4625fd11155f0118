"""What an offer gave for goods that come back, and taxes by rate, over HTTP: as it is said before, so it is done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.api.bank import Bank
from tests.api.catalogue_data import SHIPPING, put_on_shelf, shipped, wish
from tests.api.clients import Person, problem
from tests.api.inline_worker import drive
from tests.api.offers import promotion
from tests.api.orders.test_returns import received
from tests.api.staff_view import eur

pytestmark = pytest.mark.usefixtures("sent")

Well = Callable[[], list[str]]


@pytest.fixture(autouse=True)
def _goods(bank: Bank) -> None:
    put_on_shelf("CHAIR", price=10_000, on_hand=9)
    put_on_shelf("LAMP", price=2_000, on_hand=9, category="lights")


def bought(ada: Person, sam: Person, *skus: str) -> str:
    for sku in skus:
        assert ada.post("/api/cart/me", {"sku": sku, "quantity": 1}).status_code == 200
    placed = ada.post("/api/orders", wish()).json
    assert drive(placed["job"]["id"]) == "succeeded"
    id: str = placed["order"]["id"]
    shipped(sam, id)
    return id


def goods(*skus: str) -> dict[str, Any]:
    return {"lines": [{"sku": sku, "quantity": 1} for sku in skus]}


def comes_to(told: dict[str, Any]) -> tuple[int, int, int]:
    return told["share"]["amount"], told["kept_back"]["amount"], told["refund"]["amount"]


def test_of_buy_one_get_one_free_the_free_one_is_paid_for_when_it_stays(
    ada: Person, sam: Person, bank: Bank, well: Well
) -> None:
    promotion(name="One more", kind="buy_x_get_y", percent=None, buy=1, free=1)
    id = bought(ada, sam, "CHAIR", "LAMP")
    assert bank.taken(id) == 10_000 + SHIPPING
    where = f"/api/orders/{id}/returns"
    seen = ada.post(f"{where}/preview", goods("CHAIR"))
    assert (seen.status_code, comes_to(seen.json)) == (200, (10_000, 2_000, 8_000))
    assert seen.json["lost"] == [{"label": "One more", "amount": eur(2_000)}]
    assert ada.get(where).json["items"] == [], "to look is not to ask"
    asked = ada.post(where, goods("CHAIR"))
    assert (asked.status_code, comes_to(asked.json["preview"])) == (202, (10_000, 2_000, 8_000))
    assert drive(received(sam, id, asked.json["return"]["id"])) == "succeeded"
    [back] = ada.get(where).json["items"]
    assert (comes_to(back), bank.taken(id)) == ((10_000, 2_000, 8_000), 2_000 + SHIPPING)
    rest = ada.post(where, goods("LAMP"))
    assert comes_to(rest.json["preview"]) == (0, -2_000, 2_000), "it was paid for, by what was kept back"
    assert drive(received(sam, id, rest.json["return"]["id"])) == "succeeded"
    assert (bank.taken(id), well()) == (SHIPPING, [])


@pytest.mark.parametrize(
    ("offer", "first", "second"),
    [
        ({"kind": "fixed", "amount": 1_000, "minimum": 5_000}, 10_000 - 833 - 167, 1_833 + 167),
        ({"kind": "free_shipping", "minimum": 12_000}, 10_000 - SHIPPING, 2_000 + SHIPPING),
    ],
)
def test_a_threshold_that_is_not_reached_any_more(
    ada: Person, sam: Person, bank: Bank, well: Well, offer: dict[str, Any], first: int, second: int
) -> None:
    promotion(name="Much", **({"percent": None} | offer))
    id = bought(ada, sam, "CHAIR", "LAMP")
    paid = bank.taken(id)
    back = [ada.post(f"/api/orders/{id}/returns", goods(sku)).json["return"]["id"] for sku in ("CHAIR", "LAMP")]
    assert drive(received(sam, id, back[0])) == "succeeded"
    assert bank.taken(id) == paid - first
    assert drive(received(sam, id, back[1])) == "succeeded"
    assert (bank.taken(id), well()) == (paid - first - second, [])


def test_two_offers_of_one_name_are_lost_each_for_itself(ada: Person, sam: Person, bank: Bank, well: Well) -> None:
    for amount in (600, 1_200):
        promotion(name="Sale", kind="fixed", percent=None, amount=amount, minimum=5_000)
    id = bought(ada, sam, "CHAIR", "LAMP")
    assert bank.taken(id) == 8_500 + 1_700 + SHIPPING
    where = f"/api/orders/{id}/returns"
    asked = ada.post(where, goods("CHAIR")).json
    assert asked["preview"]["lost"] == [{"label": "Sale", "amount": eur(100)}, {"label": "Sale", "amount": eur(200)}]
    assert comes_to(asked["preview"]) == (8_500, 300, 8_200)
    assert drive(received(sam, id, asked["return"]["id"])) == "succeeded"
    assert (bank.taken(id), well()) == (2_000 + SHIPPING, [])


def test_an_offer_that_has_gone_meanwhile_keeps_its_conditions(ada: Person, sam: Person, bank: Bank) -> None:
    offer = promotion(name="One more", kind="buy_x_get_y", percent=None, buy=1, free=1)
    id = bought(ada, sam, "CHAIR", "LAMP")
    assert sam.ask("DELETE", f"/api/promotions/{offer}").status_code == 204
    assert comes_to(ada.post(f"/api/orders/{id}/returns/preview", goods("CHAIR")).json) == (10_000, 2_000, 8_000)


def test_a_preview_is_of_what_can_come_back_and_of_ones_own(ada: Person, sam: Person, bank: Bank) -> None:
    id = bought(ada, sam, "CHAIR")
    where = f"/api/orders/{id}/returns/preview"
    assert problem(ada.post(where, {"lines": [{"sku": "CHAIR", "quantity": 2}]})) == (409, "too_many")
    assert problem(ada.post(where, goods("LAMP"))) == (422, "validation_failed")
    assert problem(ada.post(where, goods("CHAIR") | {"refund": 1})) == (422, "validation_failed")


def test_shipping_shares_the_rates_of_the_goods(ada: Person, sam: Person, bank: Bank) -> None:
    put_on_shelf("BOOK", price=10_000, on_hand=9, tax_class="reduced")
    for name, rate in (("standard", 1900), ("reduced", 700)):
        said = sam.ask("PUT", f"/api/tax-rates/DE/{name}", {"rate": rate})
        assert said.json == {"country": "DE", "tax_class": name, "rate": rate, "shipping": None}
    id = bought(ada, sam, "CHAIR", "BOOK")
    seen = ada.get(f"/api/orders/{id}").json
    by_rate = {one["rate"]: (one["net"]["amount"], one["tax"]["amount"]) for one in seen["taxes"]}
    assert by_rate == {1900: (8_403 + 206, 1_597 + 39), 700: (9_346 + 229, 654 + 16)}
    assert seen["tax"]["amount"] == 1_597 + 39 + 654 + 16
    page = ada.get(f"/api/orders/{id}/invoice").text
    assert "<td>19%</td>" in page
    assert "<td>7%</td>" in page
    sam.ask("PUT", "/api/tax-rates/DE/standard", {"rate": 1900, "shipping": "own_rate"})
    other = ada.get(f"/api/orders/{bought(ada, sam, 'CHAIR', 'BOOK')}").json
    assert other["tax"]["amount"] == 1_597 + 654 + 78
    assert problem(sam.ask("PUT", "/api/tax-rates/DE/standard", {"rate": 1, "shipping": "no"}))[0] == 422
