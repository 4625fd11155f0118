"""Orders of guests: a token opens one order and nothing else, a lost one is mailed, an account takes them over."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

import db
from api.http.rate_limits import limiter
from config import settings
from engine.tables import RunRow
from gateways.mail import Mail
from shop.accounts import users
from shop.orders import guest_tokens
from shop.orders.orders import OrderRow
from shop.pricing.coupon_redemptions import CouponRedemptionRow
from tests.api.bank import Bank
from tests.api.catalogue_data import ADDRESS, call_buyer, count, guests_cart, guests_order, paid, put_on_shelf, shipped
from tests.api.clients import People, Person, ask, post, problem
from tests.api.inline_worker import drive
from tests.api.offers import coupon
from tests.fixtures import Configure

LOOKUP = "/api/orders/lookup"
CLAIM = "/api/orders/claim"


@pytest.fixture(autouse=True)
def _goods(bank: Bank, sent: list[Mail]) -> None:
    put_on_shelf("CHAIR", price=1999, on_hand=9)


def guests(app: Flask, email: str = "guest@example.com") -> Any:
    """The 202 of an order that is paid by now."""
    placed = guests_order(app, guests_cart(app), email=email)
    assert placed.status_code == 202, placed.text
    assert drive(placed.json["job"]["id"]) == "succeeded"
    return placed.json


def shown(token: str) -> dict[str, str]:
    return {"X-Order-Token": token}


def links() -> list[RunRow]:
    with db.reading() as session:
        runs = select(RunRow).where(RunRow.workflow == "send_order_link").order_by(RunRow.id)
        return list(session.scalars(runs))


def verified(person: Person, email: str) -> Person:
    with db.transaction() as session:
        users.get(session, person.id).email = email
        session.flush()
        assert users.verify_email(session, person.id, email)
    return person


def test_the_202_and_the_mail_bring_a_token_that_opens_the_order(app: Flask, sent: list[Mail]) -> None:
    placed = guests(app)
    id, token = placed["order"]["id"], placed["order_token"]
    assert len(token) == 32
    assert f"/account/order#id={id}&token={token}" in sent[-1].text
    assert token in (sent[-1].html or "")
    [payment] = ask(app, "GET", f"/api/payments?order_id={id}", headers=shown(token)).json["items"]
    paths = [f"/api/orders/{id}{more}" for more in ("", "/timeline", "/invoice", "/returns", "/fulfilments")]
    for path in (*paths, f"/api/jobs/{placed['job']['id']}", f"/api/payments/{payment['id']}"):
        assert ask(app, "GET", path, headers=shown(token)).status_code == 200, path
        assert ask(app, "GET", f"{path}?token={token}").status_code == 200, path


def test_a_token_opens_no_other_order(app: Flask, ada: Person) -> None:
    mine, other, adas = guests(app), guests(app), paid(ada)
    for id in (other["order"]["id"], adas):
        for wrong in (mine["order_token"], mine["order_token"][:-1] + "é", "x" * 65, "", guest_tokens.of(id, "x")):
            for verb, path in (("GET", ""), ("POST", "/cancel"), ("GET", "/timeline"), ("GET", "/invoice")):
                answer = ask(app, verb, f"/api/orders/{id}{path}", headers=shown(wrong))
                assert problem(answer) == (404, "not_found"), (verb, path, wrong)
            assert ask(app, "GET", f"/api/payments?order_id={id}", headers=shown(wrong)).status_code in (401, 404)
    assert count(RunRow, RunRow.workflow == "cancel_order") == 0
    for nobodys in ("/api/payments", "/api/orders"):
        assert problem(ask(app, "GET", nobodys, headers=shown(mine["order_token"]))) == (401, "unauthenticated")


def test_whoever_has_an_account_gets_no_token(ada: Person, app: Flask, sent: list[Mail]) -> None:
    id = paid(ada)
    with db.reading() as session:
        cart = session.get_one(OrderRow, id).cart_id
    for token in (guest_tokens.of(id, cart), cart):
        assert problem(ask(app, "GET", f"/api/orders/{id}", headers=shown(token))) == (404, "not_found")
    assert "token=" not in sent[-1].text


def test_a_guest_calls_off_and_sends_back_with_the_token(app: Flask, sam: Person, bank: Bank) -> None:
    kept, off = guests(app), guests(app)
    answer = ask(app, "POST", f"/api/orders/{off['order']['id']}/cancel", headers=shown(off["order_token"]))
    assert (answer.status_code, drive(answer.json["job"]["id"])) == (202, "succeeded")
    assert bank.taken(off["order"]["id"]) == 0
    where, goods = f"/api/orders/{kept['order']['id']}", {"lines": [{"sku": "CHAIR", "quantity": 1}]}
    shipped(sam, kept["order"]["id"])
    assert problem(post(app, f"{where}/returns", goods)) == (404, "not_found")
    asked = ask(app, "POST", f"{where}/returns", goods, shown(kept["order_token"]))
    assert (asked.status_code, asked.json["return"]["status"]) == (202, "requested")


def test_a_lost_link_is_mailed_again_and_to_nobody_else(app: Flask, sent: list[Mail]) -> None:
    placed = guests(app, "Guest@Example.com")
    sent.clear()
    answer = post(app, LOOKUP, {"number": placed["order"]["number"].lower(), "email": "GUEST@example.com"})
    assert (answer.status_code, answer.json) == (202, {"status": "accepted"})
    [run] = links()
    assert (drive(run.id), [mail.to for mail in sent]) == ("succeeded", ["guest@example.com"])
    assert f"token={placed['order_token']}" in sent[0].text
    assert placed["order_token"] not in repr(vars(run)), "it stands in no table"
    seen = ask(app, "GET", f"/api/orders/{placed['order']['id']}", headers=shown(placed["order_token"])).json
    assert seen["job"]["workflow"] == "place_order", "who asks for a link changes nothing about the order"


def test_known_and_unknown_are_answered_alike(app: Flask, ada: Person, sent: list[Mail]) -> None:
    placed = guests(app)
    number = ada.get(f"/api/orders/{paid(ada)}").json["number"]
    sent.clear()
    wishes = [(placed["order"]["number"], "guest@example.com"), ("NOTANORDER", "guest@example.com"),
              (placed["order"]["number"], ada.email), (number, ada.email)]  # fmt: skip
    answers = [post(app, LOOKUP, {"number": number, "email": email}) for number, email in wishes]
    assert {(answer.status_code, answer.data) for answer in answers} == {(202, answers[0].data)}
    assert [drive(run.id) for run in links()] == ["succeeded"] * 4, "the same work each time"
    assert [mail.to for mail in sent] == ["guest@example.com"]


@pytest.mark.parametrize(
    "wrong",
    [{}, {"number": ""}, {"email": "no"}, {"number": 1}, {"number": "X" * 21}, {"number": "X\0"}],
)
def test_a_lookup_that_makes_no_sense_starts_nothing(app: Flask, wrong: dict[str, Any]) -> None:
    wish = {"number": "X", "email": "a@b.de"} | wrong if wrong else {}
    assert problem(post(app, LOOKUP, wish)) == (422, "validation_failed")
    assert links() == []


def test_nobodys_mailbox_is_filled(app: Flask, configure: Configure) -> None:
    configure(MAIL_LIMIT="2 per hour")
    limiter.reset()
    wish = {"number": "NOTANORDER", "email": "guest@example.com"}
    assert [post(app, LOOKUP, wish).status_code for _ in range(3)] == [202, 202, 429]
    assert len(links()) == 2
    assert settings().mail_limit == "2 per hour"


def test_a_verified_account_claims_the_orders_of_its_mailbox(app: Flask, people: People) -> None:
    code = coupon() and "SPRING"
    cart = guests_cart(app)
    assert post(app, f"/api/cart/{cart}/coupons", {"code": code}).status_code == 200
    first, others = guests_order(app, cart).json, guests(app, "other@example.com")
    ada = people.join()
    assert problem(ada.post(CLAIM)) == (409, "email_not_verified")
    assert ada.get("/api/orders").json["items"] == []
    verified(ada, "guest@example.com")
    answer = ada.post(CLAIM, {"numbers": [first["order"]["number"].lower(), others["order"]["number"]]})
    assert (answer.status_code, [item["id"] for item in answer.json["items"]]) == (200, [first["order"]["id"]])
    assert [item["id"] for item in ada.get("/api/orders").json["items"]] == [first["order"]["id"]]
    for token in (first["order_token"], cart):
        gone = ask(app, "GET", f"/api/orders/{first['order']['id']}", headers=shown(token))
        assert problem(gone) == (404, "not_found")
    assert (
        ask(app, "GET", f"/api/orders/{others['order']['id']}", headers=shown(others["order_token"])).status_code == 200
    )
    assert count(CouponRedemptionRow, CouponRedemptionRow.customer_id == ada.id) == 1
    assert ada.post(CLAIM).json == {"items": []}
    assert problem(post(app, CLAIM)) == (401, "unauthenticated")


def test_orders_from_before_the_address_was_verified_need_their_numbers(app: Flask, people: People) -> None:
    """Whoever registers somebody's address, and is confirmed by them, gets nothing of what they ordered before."""
    before = guests(app)
    eve = verified(people.join("Eve"), "guest@example.com")
    assert eve.post(CLAIM).json == {"items": []}
    assert eve.post(CLAIM, {"numbers": ["NOTANORDER"]}).json == {"items": []}
    token = shown(before["order_token"])
    assert ask(app, "GET", f"/api/orders/{before['order']['id']}", headers=token).status_code == 200
    assert problem(eve.get(f"/api/orders/{before['order']['id']}")) == (404, "not_found")
    since = guests(app)
    assert [item["id"] for item in eve.post(CLAIM).json["items"]] == [since["order"]["id"]]
    assert problem(eve.post(CLAIM, {"numbers": ["X"] * 21})) == (422, "validation_failed")
    assert count(OrderRow, OrderRow.customer_id == eve.id) == 1


def test_an_account_in_a_spelling_from_before_claims_the_orders_of_its_mailbox(app: Flask, people: People) -> None:
    ada = verified(people.join(), "ada@münchen.de")
    placed = guests(app, "ada@xn--mnchen-3ya.de")
    assert [item["id"] for item in ada.post(CLAIM).json["items"]] == [placed["order"]["id"]]


def test_an_unverified_address_claims_nothing(app: Flask, people: People) -> None:
    placed, eve = guests(app), people.join("Eve")
    with db.transaction() as session:
        session.execute(update(users.UserRow).where(users.UserRow.id == eve.id).values(email="guest@example.com"))
    assert problem(eve.post(CLAIM)) == (409, "email_not_verified")
    assert problem(eve.get(f"/api/orders/{placed['order']['id']}")) == (404, "not_found")
    assert count(OrderRow, OrderRow.customer_id == eve.id) == 0


def test_the_link_leads_to_a_page_that_runs_no_strangers_script(app: Flask) -> None:
    page, script = app.test_client().get("/account/order"), app.test_client().get("/account/order.js")
    assert (page.status_code, page.mimetype, script.status_code) == (200, "text/html", 200)
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    assert "innerHTML" not in script.text
    assert "line.backordered" in script.text  # it shows what has not come in yet
    assert "/credit-notes" in script.text


def test_the_confirmation_says_how_its_total_comes_about(app: Flask, sent: list[Mail]) -> None:
    coupon()
    cart = guests_cart(app)
    assert post(app, f"/api/cart/{cart}/coupons", {"code": "SPRING"}).status_code == 200
    placed = guests_order(app, cart, shipping_address=ADDRESS).json
    call_buyer(placed["order"]["id"], "<b>Ada</b>")
    assert drive(placed["job"]["id"]) == "succeeded"
    order, mail = placed["order"], sent[-1]
    for part in order["breakdown"]:
        assert part["label"] in mail.text
    assert order["discount"]["amount"] > 0
    for line in ("With the coupon SPRING", "Total: "):
        assert line in mail.text
    assert "<b>Ada" not in (mail.html or "")
