"""Who leaves is forgotten by their orders as well: at once by those that are over, later by those under way."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select, text, update

import db
from db.functions import in_seconds
from doctor.privacy import nothing_is_left_of_who_left
from gateways.mail import Mail
from migrations.models import metadata
from shop.accounts.users import UserRow
from shop.fulfilment.parcels import FulfilmentRow
from shop.orders.orders import OrderRow
from shop.privacy.order_anonymisation import SILENT_DAYS
from shop.wallets import wallets
from tasks import maintenance
from tests.api.bank import Bank
from tests.api.catalogue_data import ADDRESS, SHIPPING, credit, order, paid, put_on_shelf, shelf, shipped
from tests.api.clients import Person, problem
from tests.api.inline_worker import drive
from tests.api.offers import coupon

HOME = ADDRESS | {"name": "Ada Lovelace", "line1": "St James Square 12", "phone": "+44 20 7946 0000"}
FIGURES = ("number", "status", "payment_status", "fulfilment_status", "currency", "subtotal", "shipping", "total")


@pytest.fixture(autouse=True)
def _goods(bank: Bank, sent: list[Mail]) -> None:
    put_on_shelf("CHAIR", price=1999, on_hand=9)


def bought(ada: Person) -> str:
    """Paid, noted, and told of. Nothing is sent yet."""
    assert ada.post("/api/cart/me", {"sku": "CHAIR", "quantity": 2}).status_code == 200
    wish = {"cart": "me", "shipping_address": HOME, "shipping_method": "standard"}
    placed = ada.post("/api/orders", wish | {"payment": {"method": "card", "token": "tok_ok"}}).json
    assert drive(placed["job"]["id"]) == "succeeded"
    id: str = placed["order"]["id"]
    return id


def at_home(sam: Person, id: str) -> None:
    parcel = shipped(sam, id, tracking="TRACK-ADA-1")
    moved = sam.ask("PATCH", f"/api/orders/{id}/fulfilments/{parcel}", {"status": "delivered"})
    assert moved.status_code == 200


def leaves(person: Person) -> None:
    assert person.ask("DELETE", "/api/users/me").status_code == 204


def row(id: str) -> OrderRow:
    with db.reading() as session:
        return session.get_one(OrderRow, id)


def written_down(*words: str) -> list[str]:
    """The tables in which any of these words stand."""
    with db.reading() as session:
        found = {table.name: repr(session.execute(select(table)).all()) for table in metadata.sorted_tables}
    return [name for name, rows in found.items() if any(word in rows for word in words)]


def breaches() -> list[str]:
    with db.reading() as session:
        return list(nothing_is_left_of_who_left(session))


def test_an_order_that_is_over_forgets_at_once_and_keeps_its_figures(ada: Person, sam: Person) -> None:
    id = bought(ada)
    sam.post(f"/api/orders/{id}/notes", {"text": f"{ada.email} rang twice"})
    at_home(sam, id)
    assert "orders" in written_down("Lovelace")
    before = {name: getattr(row(id), name) for name in FIGURES}
    leaves(ada)
    assert written_down(ada.email, "Lovelace", "St James", "7946", "TRACK-ADA") == []
    seen = sam.get(f"/api/orders/{id}").json
    assert {name: getattr(row(id), name) for name in FIGURES} == before
    assert (seen["email"], seen["shipping_address"], seen["total"]["amount"]) == (
        "",
        {"country": "DE"},
        2 * 1999 + SHIPPING,
    )
    assert sam.get(f"/api/orders/{id}/invoice").status_code == 200
    assert breaches() == []


def test_an_order_under_way_keeps_what_it_needs_until_it_is_over(
    ada: Person, sam: Person, sent: list[Mail], bank: Bank
) -> None:
    placed = order(ada)
    id = placed["order"]["id"]
    leaves(ada)
    maintenance.forget_customers()
    assert (row(id).email, row(id).shipping_address["name"]) == (ada.email, "Ada")
    assert (drive(placed["job"]["id"]), [mail.to for mail in sent]) == ("succeeded", [ada.email])
    maintenance.forget_customers()
    assert row(id).email == ada.email, "it must still be sent somewhere"
    at_home(sam, id)
    maintenance.forget_customers()
    assert (row(id).email, row(id).shipping_address, shelf()) == ("", {"country": "DE"}, (8, 0))
    assert written_down(ada.email, "Main Street") == []
    assert (bank.taken(id), breaches()) == (1999 + SHIPPING, [])


def test_what_was_called_off_is_forgotten_only_after_its_mail(ada: Person, sent: list[Mail]) -> None:
    id = paid(ada)
    job = ada.post(f"/api/orders/{id}/cancel").json["job"]["id"]
    drive(job, steps=3)
    assert row(id).status == "cancelled"
    leaves(ada)
    assert row(id).email == ada.email
    assert (drive(job), [mail.to for mail in sent]) == ("succeeded", [ada.email] * 2)
    maintenance.forget_customers()
    assert written_down(ada.email) == []


def test_a_return_that_is_on_its_way_keeps_the_name(ada: Person, sam: Person) -> None:
    id = bought(ada)
    at_home(sam, id)
    wish = {"lines": [{"sku": "CHAIR", "quantity": 1}], "reason": "the colour makes Ada sad"}
    asked = ada.post(f"/api/orders/{id}/returns", wish)
    assert asked.status_code == 202, asked.text
    drive(asked.json["job"]["id"])
    leaves(ada)
    assert row(id).email == ada.email
    [back] = sam.get(f"/api/orders/{id}/returns").json["items"]
    drive(sam.post(f"/api/orders/{id}/returns/{back['id']}/receive", {}).json["job"]["id"])
    maintenance.forget_customers()
    assert written_down(ada.email, "makes Ada sad") == []


def test_a_parcel_nobody_hears_of_any_more_counts_as_delivered_one_day(ada: Person, sam: Person) -> None:
    id = paid(ada)
    shipped(sam, id)
    leaves(ada)
    maintenance.forget_customers()
    assert row(id).email == ada.email
    with db.transaction() as session:
        session.execute(update(FulfilmentRow).values(updated_at=in_seconds(-86400.0 * SILENT_DAYS - 60)))
    maintenance.forget_customers()
    assert row(id).email == ""


def test_orders_of_those_who_stay_are_left_alone(ada: Person, sam: Person) -> None:
    id = bought(ada)
    at_home(sam, id)
    leaves(sam)
    maintenance.forget_customers()
    assert (row(id).email, row(id).shipping_address["name"]) == (ada.email, "Ada Lovelace")


def test_the_doctor_finds_what_is_left(ada: Person, sam: Person) -> None:
    id = bought(ada)
    sam.post(f"/api/orders/{id}/notes", {"text": "rang twice"})
    at_home(sam, id)
    leaves(ada)
    assert breaches() == []
    damages = {
        "says whose it was": f"UPDATE users SET name = 'Ada' WHERE id = '{ada.id}'",
        "not the address": """UPDATE orders SET shipping_address = '{"name": "Ada", "country": "DE"}'""",
        "not whom it told": "UPDATE notifications SET recipient = 'ada@example.com'",
        "not what was noted": "UPDATE order_notes SET text = 'rang twice'",
    }
    for number, (named, damage) in enumerate(damages.items(), 1):
        with db.transaction() as session:
            session.execute(text(damage))
        assert len(breaches()) == number
        assert any(named in breach for breach in breaches()), named
    with db.transaction() as session:
        session.execute(update(OrderRow).values(email=ada.email, updated_at=in_seconds(-90000.0)))
        session.execute(update(UserRow).where(UserRow.id == ada.id).values(deleted_at=in_seconds(-90000.0)))
    assert any("still names somebody who left" in breach for breach in breaches())


def test_the_export_tells_of_all_there_is(ada: Person, sam: Person) -> None:
    coupon()
    ada.post("/api/cart/me", {"sku": "CHAIR", "quantity": 1})
    ada.post("/api/cart/me/coupons", {"code": "SPRING"})
    id = bought(ada)
    at_home(sam, id)
    ada.post(f"/api/orders/{id}/returns", {"lines": [{"sku": "CHAIR", "quantity": 1}], "reason": "too soft"})
    told: dict[str, Any] = ada.get("/api/users/me/export").json
    assert set(told) >= {"profile", "addresses", "sessions", "orders", "payments", "coupon_uses", "notifications"}
    [use], [paying], [bought_then] = told["coupon_uses"], told["payments"], told["orders"]
    assert (use["code"], use["order_id"], use["email"]) == ("SPRING", id, ada.email)
    assert (paying["order_id"], [one["kind"] for one in paying["transactions"]]) == (id, ["capture"])
    assert [back["reason"] for back in bought_then["returns"]] == ["too soft"]
    assert ("order_confirmed", ada.email) in [(one["event"], one["recipient"]) for one in told["notifications"]]
    assert len(told["sessions"]) == 1
    assert "tok_ok" not in str(told)
    assert sam.get("/api/users/me/export").json["orders"] == []


def test_the_export_tells_of_store_credit(ada: Person, sam: Person) -> None:
    credit(sam, ada, 700)
    [entry] = ada.get("/api/users/me/export").json["wallet"]
    assert (entry["currency"], entry["amount"], entry["kind"], entry["note"]) == ("EUR", 700, "grant", "sorry")
    assert sam.get("/api/users/me/export").json["wallet"] == []


def test_who_leaves_store_credit_behind_has_to_say_so(ada: Person, sam: Person) -> None:
    credit(sam, ada, 700)
    answer = ada.ask("DELETE", "/api/users/me")
    assert (problem(answer), ada.get("/api/users/me").status_code) == ((409, "wallet_not_empty"), 200)
    assert ada.ask("DELETE", "/api/users/me?forfeit_credit=true").status_code == 204
    with db.reading() as session:
        assert [wallet.balance for wallet in wallets.balances(session, ada.id)] == [0]
        assert [(one.kind, one.amount) for one in wallets.entries(session, ada.id, limit=2)] == [
            ("forfeit", -700),
            ("grant", 700),
        ]
