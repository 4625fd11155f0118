"""P13, over every path and verb that the document names: what is not yours is not there, and stays as it was."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

import db
from db.schema import new_id
from gateways.mail import Mail
from migrations.models import metadata
from shop.campaigns import editing
from shop.consent import suppressions
from shop.fulfilment import parcels, returns
from shop.wallets.grants import WalletGrantRow
from tests.api import documented
from tests.api.bank import Bank
from tests.api.catalogue_data import ADDRESS, guests_cart, guests_order, order, put_on_shelf
from tests.api.clients import People, Person, ask, problem
from tests.api.inline_worker import drive
from tests.api.offers import coupon, promotion

BODIES: dict[tuple[str, str], Any] = {
    ("patch", "/api/cart/{owner}/items/{sku}"): {"quantity": 9},
    ("post", "/api/cart/{owner}"): {"sku": "CHAIR", "quantity": 1},
    ("post", "/api/cart/{owner}/merge"): {"from": "token"},
    ("post", "/api/cart/{owner}/coupons"): {"code": "SPRING"},
    ("post", "/api/cart/{owner}/currency"): {"currency": "USD"},
    ("patch", "/api/promotions/{id}"): {"percent": 99},
    ("patch", "/api/coupons/{code}"): {"percent": 99},
    ("patch", "/api/webhook-endpoints/{id}"): {"enabled": False},
    ("patch", "/api/campaigns/{id}"): {"name": "x"},
    ("post", "/api/campaigns/{id}/schedule"): {"now": True},
    ("post", "/api/cart/{owner}/shipping"): {"shipping_method": "express"},
    ("put", "/api/users/me/addresses/{id}"): ADDRESS,
    ("patch", "/api/users/{id}"): {"role": "admin"},
    ("post", "/api/jobs/{id}/skip"): {"note": "x"},
    ("post", "/api/jobs/{id}/settle"): {"note": "x"},
    ("post", "/api/payments/{id}/capture"): {},
    ("post", "/api/payments/{id}/refunds"): {"reason": "x"},
    ("post", "/api/users/{id}/wallet"): {"amount": {"amount": 1, "currency": "EUR"}, "reason": "x"},
    ("post", "/api/wallet-grants/{id}/approve"): {"note": "x"},
    ("post", "/api/wallet-grants/{id}/refuse"): {"note": "x"},
    ("post", "/api/payments/reconciliations/{id}/settle"): {"note": "x"},
    ("post", "/api/payments/transfers/{id}/match"): {"payment_id": "0199aaaa-0000-7000-8000-000000000000"},
    ("post", "/api/payments/transfers/{id}/settle"): {"note": "x"},
    ("post", "/api/stock/{sku}/movements"): {"kind": "receive", "quantity": 1},
    ("post", "/api/orders/{id}/fulfilments"): {},
    ("patch", "/api/orders/{id}/fulfilments/{fid}"): {"status": "shipped"},
    ("post", "/api/orders/{id}/returns"): {"lines": [{"sku": "CHAIR", "quantity": 1}]},
    ("post", "/api/orders/{id}/returns/preview"): {"lines": [{"sku": "CHAIR", "quantity": 1}]},
    ("post", "/api/orders/{id}/returns/{rid}/receive"): {},
    ("post", "/api/orders/{id}/returns/{rid}/reject"): {"reason": "x"},
    ("post", "/api/orders/{id}/notes"): {"text": "x"},
    ("post", "/api/orders/{id}/reorder"): {},
    ("patch", "/api/stock/{sku}"): {"low_at": 1},
    ("patch", "/api/stock/locations/{code}"): {"name": "x"},
    ("patch", "/api/shipping-methods/{code}"): {"name": "x"},
    ("put", "/api/tax-rates/{country}/{tax_class}"): {"rate": 1},
    ("patch", "/api/categories/{id}"): {"name": "x"},
    ("patch", "/api/products/{id}"): {"name": "x"},
    ("patch", "/api/products/{id}/variants/{sku}"): {"name": "x"},
}
PUBLIC = (
    ("get", "/api/products/{id}"),
    ("get", "/api/categories/{id}"),
    ("get", "/api/stock/{sku}"),
    ("get", "/api/shipping-methods/{code}"),
    ("post", "/api/webhooks/payments/{provider}"),
    ("get", "/api/unsubscribe/{token}"),
    ("post", "/api/unsubscribe/{token}"),
)
STAFF_ONLY = (
    "/api/campaigns/{id}",
    "/api/campaigns/{id}/schedule",
    "/api/campaigns/{id}/pause",
    "/api/campaigns/{id}/resume",
    "/api/campaigns/{id}/cancel",
    "/api/campaigns/{id}/test",
    "/api/campaigns/{id}/preview",
    "/api/campaigns/{id}/recipients",
    "/api/notifications/{id}/resend",
    "/api/notifications/templates/{name}/preview",
    "/api/suppressions/{id}",
    "/api/promotions/{id}",
    "/api/coupons/{code}",
    "/api/shipping-methods/{code}",
    "/api/tax-rates/{country}/{tax_class}",
    "/api/schedule/{name}/run",
    "/api/webhook-endpoints/{id}",
    "/api/webhook-endpoints/{id}/deliveries",
    "/api/webhook-endpoints/{id}/deliveries/{did}/replay",
    "/api/jobs/{id}/retry",
    "/api/jobs/{id}/skip",
    "/api/jobs/{id}/compensate",
    "/api/jobs/{id}/settle",
    "/api/payments/{id}/capture",
    "/api/payments/{id}/void",
    "/api/payments/{id}/refunds",
    "/api/payments/{id}/verify",
    "/api/users/{id}/wallet",
    "/api/wallet-grants/{id}/approve",
    "/api/wallet-grants/{id}/refuse",
    "/api/users/{id}",
    "/api/stock/{sku}",
    "/api/stock/{sku}/movements",
    "/api/stock/locations/{code}",
    "/api/stock/{sku}/events",
    "post /api/orders/{id}/fulfilments",
    "/api/orders/{id}/fulfilments/{fid}",
    "/api/orders/{id}/returns/{rid}/receive",
    "/api/orders/{id}/returns/{rid}/reject",
    "/api/orders/{id}/notes",
    "/api/categories/{id}",
    "/api/products/{id}",
    "/api/products/{id}/variants",
    "/api/products/imports/{id}",
    "/api/products/{id}/variants/{sku}",
    "/api/payments/reconciliations/{id}",
    "/api/payments/reconciliations/{id}/settle",
    "/api/payments/transfers/{id}/match",
    "/api/payments/transfers/{id}/settle",
)


def operations(app: Flask) -> Iterator[tuple[str, str]]:
    """Every path of the document that names something."""
    for each in documented.operations(app):
        if "{" in each.path and (each.verb, each.path) not in PUBLIC:
            yield each.verb, each.path


def parcel_and_return(person: Person) -> dict[str, str]:
    """Of another order, which is paid and was sent."""
    placed = order(person)
    assert drive(placed["job"]["id"]) == "succeeded"
    with db.transaction() as session:
        parcel = parcels.add(
            session, placed["order"]["id"], None, carrier=None, tracking=None, status="shipped", by=person.id
        )
        back = returns.ask(session, placed["order"]["id"], {"CHAIR": 1}, "too big")
        return {"{fid}": parcel.id, "{rid}": back.id}


def suppression() -> str:
    with db.transaction() as session:
        suppressions.add(session, ["hash"], suppressions.Reason.STAFF)
        return suppressions.of(session, "hash")[0].id


def a_campaign() -> str:
    with db.transaction() as session:
        return editing.make(session, {"name": "x", "topic": "offers", "subject": "x", "text": "x"}, None).id


def a_grant(person: Person) -> str:
    """Which a second person has not agreed to yet."""
    row = WalletGrantRow(id=new_id(), customer_id=person.id, amount=1, currency="EUR", reason="x", asked_by=new_id())
    with db.transaction() as session:
        session.add(row)
        session.flush()
        return row.id


class Belongings:
    """One of everything that a person can have."""

    def __init__(self, person: Person) -> None:
        answer = person.post("/api/users/me/addresses", ADDRESS)
        assert answer.status_code == 201, answer.text
        placed = order(person)
        person.post("/api/cart/me", {"sku": "CHAIR", "quantity": 1})
        self.ids = {
            "users/me/addresses": answer.json["id"],
            "users/me/stock-alerts": "CHAIR",
            "users": person.id,
            "auth/sessions": person.get("/api/auth/sessions").json["items"][0]["id"],
            "orders": placed["order"]["id"],
            "jobs": placed["job"]["id"],
            "payments": person.get("/api/payments").json["items"][0]["id"],
            "cart": person.id,
            "schedule": "prune_commands",
            "webhook-endpoints": new_id(),
            "{did}": new_id(),
            "{nid}": new_id(),
            "stock": "CHAIR",
            "stock/locations": "main",
            **parcel_and_return(person),
            "products": "chair",
            "products/imports": new_id(),
            "payments/reconciliations": new_id(),
            "payments/transfers": new_id(),
            "categories": person.get("/api/categories").json["items"][0]["id"],
            "suppressions": suppression(),
            "notifications": person.get("/api/notifications").json["items"][0]["id"],
            "notifications/templates": "message",
            "promotions": promotion(),
            "coupons": coupon() and "SPRING",
            "shipping-methods": "express",
            "tax-rates": "DE",
            "campaigns": a_campaign(),
            "wallet-grants": a_grant(person),
        }

    def aim(self, path: str) -> str:
        if "{" not in path:
            return path
        noun = path.removeprefix("/api/").split("/{")[0]
        assert noun in self.ids, f"{path}: say above what a person can have under {noun}"
        for name in ("{id}", "{owner}", "{name}", "{did}", "{fid}", "{rid}", "{nid}", "{code}", "{country}"):
            path = path.replace(name, self.ids.get(name, self.ids[noun]))
        return path.replace("{sku}", "CHAIR").replace("{tax_class}", "standard")


def everything() -> dict[str, list[Any]]:
    """What is in the database, but for sessions, which every request may touch."""
    with db.reading() as session:
        return {
            table.name: sorted(map(repr, session.execute(select(table)).all()))
            for table in metadata.sorted_tables
            if table.name != "session_families"
        }


@pytest.fixture
def _goods(app: Flask, bank: Bank, sent: list[Mail]) -> None:
    put_on_shelf("CHAIR", on_hand=50)


@pytest.mark.usefixtures("_goods")
def test_p13_nobody_reaches_what_is_somebody_elses(app: Flask, people: People) -> None:
    ada, eve = people.join("Ada"), people.join("Eve")
    hers = Belongings(ada)
    before = everything()
    aimed = 0
    for verb, path in operations(app):
        answer = eve.ask(verb.upper(), hers.aim(path), BODIES.get((verb, path)))
        wanted = (403, "forbidden") if path in STAFF_ONLY or f"{verb} {path}" in STAFF_ONLY else (404, "not_found")
        assert problem(answer) == wanted, f"{verb} {path}"
        assert not any(id in answer.text for id in hers.ids.values()), f"{verb} {path} names it"
        aimed += 1
    assert aimed >= 20
    assert everything() == before


@pytest.mark.usefixtures("_goods")
def test_p13_a_stranger_reaches_nothing_at_all(app: Flask, people: People) -> None:
    hers = Belongings(people.join("Ada"))
    before = everything()
    for verb, path in operations(app):
        answer = ask(app, verb.upper(), hers.aim(path), BODIES.get((verb, path)), {"X-Cart-Token": "x" * 32})
        assert problem(answer)[0] in (401, 404), f"{verb} {path}"
    assert everything() == before


@pytest.mark.usefixtures("_goods")
def test_a_guests_order_is_not_reached_without_its_token(app: Flask, people: People) -> None:
    eve = people.join("Eve")
    placed = guests_order(app, guests_cart(app)).json
    before = everything()
    for path in (f"/api/orders/{placed['order']['id']}", f"/api/jobs/{placed['job']['id']}"):
        for answer in (eve.get(path), eve.post(f"{path}/cancel"), ask(app, "POST", f"{path}/cancel")):
            assert problem(answer) == (404, "not_found")
    assert everything() == before


@pytest.mark.usefixtures("_goods")
@pytest.mark.parametrize("id", ["1", "0", "-1", "x", "%27", "%00", "null", "0199aaaa", "..", "a" * 300, "\u0661"])
def test_a_malformed_id_is_404_on_every_path(app: Flask, people: People, id: str) -> None:
    eve, sam = people.join("Eve"), people.join("Sam", role="admin")
    before = everything()
    for verb, path in operations(app):
        if "{owner}" in path and id == "..":
            continue  # a client takes that out of the path itself
        aimed = (
            path.replace("/stock/{sku}", f"/stock/{id}")
            .replace("{sku}", "CHAIR")
            .replace("{code}", id)
            .replace("{country}", id)
            .replace("{tax_class}", id)
            .replace("{id}", id)
            .replace("{owner}", id)
            .replace("{fid}", id)
            .replace("{rid}", id)
            .replace("{nid}", id)
        )
        for person in (eve, sam):
            answer = person.ask(verb.upper(), aimed, BODIES.get((verb, path)))
            assert answer.status_code in (403, 404, 405, 422), f"{verb} {aimed}: {answer.text}"
    assert everything() == before
