"""Goods on the shelf, and what it takes to order them."""

from __future__ import annotations

from typing import Any

from flask import Flask
from sqlalchemy import func, select, update
from werkzeug.test import TestResponse

import db
from shop.catalogue import tables as catalogue_tables
from shop.catalogue import upsert as catalogue_upsert
from shop.catalogue.tables import VariantRow
from shop.orders import orders
from shop.stock import adjustments
from shop.stock import tables as stock_tables
from tests.api.clients import Person, post
from tests.api.inline_worker import drive

ADDRESS = {"name": "Ada", "line1": "Main Street 1", "city": "Berlin", "postal_code": "10115", "country": "DE"}
SHIPPING = 490


def put_on_shelf(sku: str = "CHAIR", *, price: int = 1999, on_hand: int = 5, **more: Any) -> None:
    row = {
        "slug": sku.lower(),
        "name": sku.title(),
        "description": "",
        "category": "furniture/chairs",
        "image_url": "",
        "sku": sku,
        "variant_name": "Plain",
        "options": {},
        "price_cents": price,
        "currency": "EUR",
    }
    with db.transaction() as session:
        catalogue_upsert.import_rows(session, [row | more])
        if on_hand:
            adjustments.receive(session, sku, on_hand, "test")


def change_price(sku: str, price: int) -> None:
    with db.transaction() as session:
        session.execute(update(VariantRow).where(VariantRow.sku == sku).values(price=price))
        catalogue_tables.stock_changed(session, [sku], lists=True)


def call_buyer(order_id: str, name: str) -> None:
    """Named as no door lets anybody be named today."""
    with db.transaction() as session:
        row = orders.get(session, order_id)
        row.shipping_address = {**row.shipping_address, "name": name}


def shelf(sku: str = "CHAIR") -> tuple[int, int]:
    """On hand, reserved."""
    with db.reading() as session:
        row = stock_tables.level(session, sku)
        return row.on_hand, row.reserved


def count(table: Any, *where: Any) -> int:
    with db.reading() as session:
        return session.scalar(select(func.count()).select_from(table).where(*where)) or 0


def wish(cart: str = "me", token: str = "tok_ok", **more: Any) -> dict[str, Any]:
    payment = {"method": "card", "token": token}
    return {"cart": cart, "shipping_address": ADDRESS, "shipping_method": "standard", "payment": payment} | more


def order(person: Person, sku: str = "CHAIR", quantity: int = 1, token: str = "tok_ok", **headers: str) -> Any:
    """Puts it into the cart and orders the cart. Returns the body of the 202."""
    assert person.post("/api/cart/me", {"sku": sku, "quantity": quantity}).status_code == 200
    answer = person.post("/api/orders", wish(token=token, accept_problems=True), **headers)
    assert answer.status_code == 202, answer.text
    return answer.json


def guests_cart(app: Flask, sku: str = "CHAIR", quantity: int = 1) -> str:
    token: str = post(app, "/api/cart").json["id"]
    assert post(app, f"/api/cart/{token}", {"sku": sku, "quantity": quantity}).status_code == 200
    return token


def guests_order(app: Flask, token: str, **more: Any) -> TestResponse:
    return post(app, "/api/orders", wish(token) | {"email": "guest@example.com"} | more)


def paid(person: Person, sku: str = "CHAIR", quantity: int = 1) -> str:
    """An order that is confirmed. Returns its id."""
    placed = order(person, sku, quantity)
    assert drive(placed["job"]["id"]) == "succeeded"
    id: str = placed["order"]["id"]
    return id


def shipped(staff: Person, id: str, **parcel: Any) -> str:
    """A parcel of this order is on its way, with all that is left if nothing else is said. Returns its id."""
    answer = staff.post(f"/api/orders/{id}/fulfilments", {"status": "shipped"} | parcel)
    assert answer.status_code == 201, answer.text
    found: str = answer.json["id"]
    return found


def credit(staff: Person, person: Person, amount: int) -> None:
    """Into somebody's wallet."""
    grant = {"amount": {"amount": amount, "currency": "EUR"}, "reason": "sorry"}
    assert staff.post(f"/api/users/{person.id}/wallet", grant).status_code == 201


def order_by(person: Person, method: str, sku: str = "CHAIR") -> Any:
    """Ordered without a card. Returns the body of the 202."""
    assert person.post("/api/cart/me", {"sku": sku, "quantity": 1}).status_code == 200
    answer = person.post("/api/orders", wish() | {"payment": {"method": method}})
    assert answer.status_code == 202, answer.text
    return answer.json
