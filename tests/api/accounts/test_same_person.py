"""A limit for each customer counts people: by account and by address, in both directions, and after they have left."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

import db
from config import settings
from doctor.privacy import nothing_is_left_of_who_left
from shop.accounts.users import UserRow
from shop.pricing import same_person
from shop.pricing.coupon_redemptions import CouponRedemptionRow
from tests.api.accounts.test_preferences import verified
from tests.api.bank import Bank
from tests.api.catalogue_data import guests_cart, guests_order, put_on_shelf, shipped, wish
from tests.api.clients import PASSWORD, Person, post, problem
from tests.api.inline_worker import drive
from tests.api.offers import coupon, filled, uses
from tests.fixtures import Configure

pytestmark = pytest.mark.usefixtures("sent")
ONCE = "SPRING"
REFUSED = (409, "coupon_not_usable")


@pytest.fixture(autouse=True)
def _goods(bank: Bank) -> None:
    put_on_shelf("CHAIR", price=1999, on_hand=50)
    coupon(ONCE, per_customer=1)


def by_account(person: Person, **more: Any) -> Any:
    return filled(person).post("/api/orders", wish() | more)


def as_guest(app: Flask, email: str) -> Any:
    token = guests_cart(app)
    assert post(app, f"/api/cart/{token}/coupons", {"code": ONCE}).status_code == 200
    return guests_order(app, token, email=email)


def bob_joins(app: Flask, email: str) -> Person:
    made = post(app, "/api/users", {"email": email, "password": PASSWORD, "name": "Bob"})
    assert made.status_code == 201, made.text
    return Person(app, made.json["id"], email, PASSWORD).sign_in()


def leaves(person: Person) -> None:
    assert person.ask("DELETE", "/api/users/me").status_code == 204


def test_an_account_that_named_another_address_is_known_by_its_own(app: Flask, ada: Person) -> None:
    assert by_account(ada, email="other@example.com").status_code == 202
    assert problem(as_guest(app, ada.email)) == REFUSED
    assert problem(as_guest(app, ada.email.upper())) == REFUSED
    assert problem(as_guest(app, "Other@Example.com")) == REFUSED
    assert (as_guest(app, "somebody@example.com").status_code, uses()) == (202, (2, 2))


def test_a_guest_is_known_when_they_order_with_their_account(app: Flask, ada: Person) -> None:
    assert as_guest(app, ada.email.title()).status_code == 202
    cart = ada.post("/api/cart/me", {"sku": "CHAIR", "quantity": 1})
    assert cart.status_code == 200
    answer = ada.post("/api/cart/me/coupons", {"code": ONCE})
    assert (problem(answer), answer.json["reason"]) == (REFUSED, "coupon_used_up")
    assert uses() == (1, 1)


def test_a_guest_who_registers_later_is_the_same(app: Flask) -> None:
    assert as_guest(app, "bob@example.com").status_code == 202
    bob = bob_joins(app, "BOB@example.com")
    bob.post("/api/cart/me", {"sku": "CHAIR", "quantity": 1})
    assert problem(bob.post("/api/cart/me/coupons", {"code": ONCE})) == REFUSED


def test_an_account_that_changes_its_address_is_known_by_both(app: Flask, ada: Person) -> None:
    before = ada.email
    assert by_account(ada).status_code == 202
    change = {"email": "ada.new@example.com", "current_password": PASSWORD}
    assert ada.ask("PATCH", "/api/users/me", change).status_code == 200
    assert [problem(as_guest(app, email)) for email in (before, "ada.new@example.com")] == [REFUSED] * 2
    assert uses() == (1, 1)


@pytest.mark.parametrize(("confirmed", "then"), [(True, REFUSED), (False, None)])
def test_what_a_guest_used_counts_on_when_the_address_is_changed(
    app: Flask, ada: Person, confirmed: bool, then: tuple[int, str] | None
) -> None:
    """Unless nobody has shown that it was theirs: then it says nothing of the account."""
    assert as_guest(app, ada.email).status_code == 202
    if confirmed:
        verified(ada)
    change = {"email": "ada.new@example.com", "current_password": PASSWORD}
    assert ada.ask("PATCH", "/api/users/me", change).status_code == 200
    ada.post("/api/cart/me", {"sku": "CHAIR", "quantity": 1})
    answer = ada.post("/api/cart/me/coupons", {"code": ONCE})
    assert (problem(answer) if then else answer.status_code) == (then or 200)
    used = ada.get("/api/users/me/export").json["coupon_uses"]
    assert len(used) == confirmed


@pytest.mark.parametrize("named", [None, "other@example.com"])
def test_who_has_left_is_known_when_they_come_back(app: Flask, ada: Person, sam: Person, named: str | None) -> None:
    """As a guest, or with a new account; and nothing says who it was."""
    answer = by_account(ada, **({"email": named} if named else {}))
    id = answer.json["order"]["id"]
    assert drive(answer.json["job"]["id"]) == "succeeded"
    parcel = shipped(sam, id)
    sam.ask("PATCH", f"/api/orders/{id}/fulfilments/{parcel}", {"status": "delivered"})
    leaves(ada)
    with db.reading() as session:
        assert list(nothing_is_left_of_who_left(session)) == []
    assert problem(as_guest(app, ada.email)) == REFUSED
    assert not named or problem(as_guest(app, named)) == REFUSED
    back = bob_joins(app, ada.email)
    back.post("/api/cart/me", {"sku": "CHAIR", "quantity": 1})
    assert problem(back.post("/api/cart/me/coupons", {"code": ONCE})) == REFUSED
    assert (as_guest(app, "somebody@example.com").status_code, uses()) == (202, (2, 2))


def test_who_has_left_is_known_when_the_secret_was_changed_since(
    app: Flask, ada: Person, sam: Person, configure: Configure
) -> None:
    old, new = settings().jwt_secret, "another secret " * 4
    answer = by_account(ada)
    assert drive(answer.json["job"]["id"]) == "succeeded"
    parcel = shipped(sam, answer.json["order"]["id"])
    sam.ask("PATCH", f"/api/orders/{answer.json['order']['id']}/fulfilments/{parcel}", {"status": "delivered"})
    leaves(ada)
    configure(JWT_SECRET=new, JWT_SECRET_PREVIOUS=old)
    assert problem(as_guest(app, ada.email)) == REFUSED
    back = bob_joins(app, ada.email)
    back.post("/api/cart/me", {"sku": "CHAIR", "quantity": 1})
    assert problem(back.post("/api/cart/me/coupons", {"code": ONCE})) == REFUSED
    assert (as_guest(app, "somebody@example.com").status_code, uses()) == (202, (2, 2))


def test_marks_from_before_there_were_keys_are_known(configure: Configure) -> None:
    configure(JWT_SECRET="now " * 10, JWT_SECRET_PREVIOUS="before " * 10)
    plain = [
        hmac.new((word * 10).encode(), b"same person:a@example.com", hashlib.sha256) for word in ("now ", "before ")
    ]
    assert {f"mark:{one.hexdigest()}" for one in plain} < set(same_person.marks("a@example.com"))
    assert same_person.mark("a@example.com") == same_person.marks("a@example.com")[0]


def test_two_orders_of_one_wave_by_one_person_are_counted_together(app: Flask, ada: Person) -> None:
    with db.reading() as session:
        wanted = [(ada.id, "other@example.com"), (None, ada.email), (None, "third@example.com")]
        first, second, third = same_person.known(session, wanted)
    assert first.signs & second.signs
    assert not (first.signs | second.signs) & third.signs


def test_a_mark_says_nothing_and_stays_the_same(database: object) -> None:
    mark = same_person.mark("ada@example.com")
    assert mark is not None
    assert mark.startswith("mark:")
    assert "ada" not in mark
    assert same_person.mark(mark) == mark != same_person.mark("eve@example.com")


def test_a_domain_may_be_written_in_two_ways(app: Flask) -> None:
    assert as_guest(app, "info@münchen.de").status_code == 202
    assert problem(as_guest(app, "Info@xn--mnchen-3ya.de")) == REFUSED
    assert uses() == (1, 1)


BEFORE, NOW = "ada@münchen.de", "ada@xn--mnchen-3ya.de"


@pytest.fixture
def ada_from_before(ada: Person) -> Person:
    """Her address is in the spelling from before domains had one, which the migration left where two collided."""
    with db.transaction() as session:
        session.execute(update(UserRow).where(UserRow.id == ada.id).values(email=BEFORE))
    return ada


@pytest.mark.parametrize("spelling", [BEFORE, NOW])
def test_an_account_in_a_spelling_from_before_is_known_as_a_guest(
    app: Flask, ada_from_before: Person, spelling: str
) -> None:
    assert by_account(ada_from_before, email="other@example.com").status_code == 202
    assert problem(as_guest(app, spelling)) == REFUSED
    assert (as_guest(app, "eve@xn--mnchen-3ya.de").status_code, uses()) == (202, (2, 2))


@pytest.mark.parametrize("spelling", [BEFORE, NOW])
def test_a_guest_is_known_by_their_account_in_a_spelling_from_before(
    app: Flask, ada_from_before: Person, spelling: str
) -> None:
    assert as_guest(app, spelling).status_code == 202
    ada_from_before.post("/api/cart/me", {"sku": "CHAIR", "quantity": 1})
    answer = ada_from_before.post("/api/cart/me/coupons", {"code": ONCE})
    assert (problem(answer), answer.json["reason"]) == (REFUSED, "coupon_used_up")
    with db.reading() as session:
        [guest] = same_person.known(session, [(None, spelling)])
    assert guest == same_person.Person(None, NOW, None, ada_from_before.id)


def test_of_two_accounts_of_one_mailbox_the_one_in_todays_spelling_holds_it(
    app: Flask, ada_from_before: Person
) -> None:
    bob = bob_joins(app, NOW)
    with db.reading() as session:
        people = same_person.known(session, [(ada_from_before.id, NOW), (bob.id, NOW), (None, BEFORE)])
    assert [(one.customer_id, one.holder_id) for one in people] == [
        (ada_from_before.id, bob.id),
        (bob.id, bob.id),
        (None, bob.id),
    ]
    assert {(one.email, one.account_email) for one in people} == {(NOW, NOW), (NOW, None)}


def test_what_a_guest_used_in_a_spelling_from_before_counts_on(app: Flask) -> None:
    assert as_guest(app, NOW).status_code == 202
    with db.transaction() as session:
        session.execute(update(CouponRedemptionRow).values(email=BEFORE))
    assert problem(as_guest(app, NOW)) == REFUSED
    bob = bob_joins(app, NOW)
    bob.post("/api/cart/me", {"sku": "CHAIR", "quantity": 1})
    assert problem(bob.post("/api/cart/me/coupons", {"code": ONCE})) == REFUSED


def test_it_counts_on_when_an_account_in_a_spelling_from_before_gets_another_address(
    app: Flask, ada_from_before: Person
) -> None:
    assert as_guest(app, NOW).status_code == 202
    verified(ada_from_before)
    change = {"email": "ada.new@example.com", "current_password": PASSWORD}
    assert ada_from_before.ask("PATCH", "/api/users/me", change).status_code == 200
    ada_from_before.post("/api/cart/me", {"sku": "CHAIR", "quantity": 1})
    assert problem(ada_from_before.post("/api/cart/me/coupons", {"code": ONCE})) == REFUSED
