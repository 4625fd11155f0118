"""Store credit by staff: never to oneself, above the ceiling by two."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from sqlalchemy import update
from werkzeug.test import TestResponse

import db
from doctor import payments
from shop.accounts import users
from shop.wallets.grants import WalletGrantRow
from shop.wallets.wallets import WalletEntryRow
from tests.api.bank import Bank
from tests.api.catalogue_data import SHIPPING, count, guests_cart, guests_order, order_by, paid, put_on_shelf, shipped
from tests.api.clients import People, Person, problem
from tests.api.inline_worker import drive
from tests.api.staff_view import eur, payment
from tests.fixtures import Configure

OWN = (403, "own_business")
GRANTS = "/api/wallet-grants"


@pytest.fixture(autouse=True)
def _ceiling(configure: Configure, app: Flask) -> None:
    configure(CREDIT_CEILING="1000")


@pytest.fixture
def sue(people: People) -> Person:
    """Of the staff, too."""
    return people.join("Sue", role="staff")


def give(staff: Person, person: Person, amount: int) -> TestResponse:
    return staff.post(f"/api/users/{person.id}/wallet", {"amount": eur(amount), "reason": "sorry"})


def balance(person: Person) -> int:
    return sum(one["amount"] for one in person.get("/api/users/me/wallet").json["balances"])


def pending(staff: Person) -> list[str]:
    return [one["id"] for one in staff.get(f"{GRANTS}?status=pending").json["items"]]


def faults() -> list[str]:
    with db.reading() as session:
        return list(payments.credit_is_given_by_others(session))


def test_nobody_gives_credit_to_themselves(people: People, sam: Person) -> None:
    admin, twin = people.join("Root", role="admin"), people.join("Sam")
    with db.transaction() as session:
        users.get(session, twin.id).email = sam.email.replace("@", "+shop@")
    for who, whom in ((sam, sam), (admin, admin), (sam, twin)):
        assert problem(give(who, whom, 1)) == OWN
    assert (count(WalletEntryRow), count(WalletGrantRow), faults()) == (0, 0, [])


def test_above_the_ceiling_a_second_person_approves(ada: Person, sam: Person, sue: Person) -> None:
    assert (give(sam, ada, 1000).status_code, balance(ada)) == (201, 1000)
    asked = give(sam, ada, 10**12)
    assert (asked.status_code, asked.json["status"], asked.json["asked_by"], balance(ada)) == (
        202,
        "pending",
        sam.id,
        1000,
    )
    [id] = pending(sue)
    assert problem(ada.get(GRANTS)) == (403, "forbidden")
    assert problem(ada.post(f"{GRANTS}/{id}/approve", {"note": "x"})) == (403, "forbidden")
    assert problem(sam.post(f"{GRANTS}/{id}/approve", {"note": "x"})) == OWN
    assert problem(sue.post(f"{GRANTS}/{id}/approve", {})) == (422, "validation_failed")
    assert (balance(ada), pending(sue)) == (1000, [id])
    done = sue.post(f"{GRANTS}/{id}/approve", {"note": "a sofa"}).json
    assert (done["status"], done["decided_by"], done["note"]) == ("approved", sue.id, "a sofa")
    assert (balance(ada), pending(sue), faults()) == (1000 + 10**12, [], [])
    for path in ("approve", "refuse"):
        assert problem(sue.post(f"{GRANTS}/{id}/{path}", {"note": "x"})) == (409, "illegal_state")
    assert balance(ada) == 1000 + 10**12


def test_what_is_refused_or_withdrawn_is_not_given(ada: Person, sam: Person, sue: Person) -> None:
    for who in (sue, sam):
        assert give(sam, ada, 1001).status_code == 202
        [id] = pending(sue)
        assert who.post(f"{GRANTS}/{id}/refuse", {"note": "too much"}).json["status"] == "refused"
    assert (balance(ada), pending(sue), count(WalletEntryRow), faults()) == (0, [], 0, [])


def test_who_gets_it_does_not_approve_it(sam: Person, sue: Person) -> None:
    assert give(sam, sue, 1001).status_code == 202
    [id] = pending(sam)
    assert problem(sue.post(f"{GRANTS}/{id}/approve", {"note": "me"})) == OWN
    assert (balance(sue), pending(sam)) == (0, [id])


def test_who_asked_for_it_does_not_approve_it_with_a_second_account(people: People, ada: Person, sam: Person) -> None:
    twin = people.join("Sam", role="staff")
    with db.transaction() as session:
        users.get(session, twin.id).email = sam.email.replace("@", "+desk@")
    assert give(sam, ada, 1001).status_code == 202
    [id] = pending(twin)
    assert problem(twin.post(f"{GRANTS}/{id}/approve", {"note": "fine"})) == OWN
    assert (balance(ada), pending(twin), faults()) == (0, [id], [])


def test_many_small_ones_are_one_large_one(people: People, sam: Person) -> None:
    friends = [people.join("Bob") for _ in range(3)]
    assert [give(sam, friend, 400).status_code for friend in friends] == [201, 201, 202]
    with ThreadPoolExecutor(4) as pool:
        codes = list(pool.map(lambda _: give(sam, friends[0], 150).status_code, range(4)))
    assert sorted(codes) == [201, 202, 202, 202]
    assert sum(balance(friend) for friend in friends) == 950
    usd = {"amount": {"amount": 1000, "currency": "USD"}, "reason": "x"}
    assert sam.post(f"/api/users/{friends[0].id}/wallet", usd).status_code == 201


@pytest.mark.usefixtures("sent")
def test_staff_give_themselves_no_money_back(app: Flask, sam: Person, sue: Person, bank: Bank) -> None:
    put_on_shelf("CHAIR", price=1999, on_hand=9)
    mine, cash = paid(sam), order_by(sam, "cash_on_delivery")
    guests = guests_order(app, guests_cart(app), email=sam.email).json
    assert [drive(one["job"]["id"]) for one in (cash, guests)] == ["succeeded"] * 2
    shipped(sue, mine)
    for id in (mine, guests["order"]["id"]):
        for to in ("wallet", "source"):
            wish = {"amount": eur(1), "reason": "x", "to": to}
            assert problem(sam.post(f"/api/payments/{payment(sue, id)['id']}/refunds", wish)) == OWN
    assert problem(sam.post(f"/api/payments/{payment(sue, cash['order']['id'])['id']}/capture", {})) == OWN
    where = f"/api/orders/{mine}/returns"
    asked = sam.post(where, {"lines": [{"sku": "CHAIR", "quantity": 1}]}).json
    assert drive(asked["job"]["id"]) == "succeeded"
    assert problem(sam.post(f"{where}/{asked['return']['id']}/receive", {})) == OWN
    assert (balance(sam), bank.taken(mine)) == (0, 1999 + SHIPPING)
    assert sue.post(f"{where}/{asked['return']['id']}/receive", {}).status_code == 202


def test_the_doctor_finds_credit_without_a_second_person(ada: Person, sam: Person) -> None:
    assert give(sam, ada, 1001).status_code == 202
    [id] = pending(sam)
    with db.transaction() as session:
        session.execute(update(WalletGrantRow).where(WalletGrantRow.id == id).values(status="approved"))
    assert faults() == [f"grant {id} of 1001 is approved, its entry says None"]
