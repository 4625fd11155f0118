"""P12: the same request twice is one command."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, update

import db
from db.functions import in_seconds
from shop.kernel.idempotency import IdempotencyKeyRow, prune_commands
from tests.api import probe
from tests.api.bank import Bank
from tests.api.catalogue_data import guests_cart, put_on_shelf, wish
from tests.api.clients import People, ask, post, problem
from tests.api.documented import VERBS, document


@pytest.fixture(autouse=True)
def _nothing_done() -> None:
    probe.done.clear()


def keys_stored() -> int:
    with db.reading() as session:
        return session.scalar(select(func.count()).select_from(IdempotencyKeyRow)) or 0


def test_the_same_key_and_body_bring_the_first_answer_again(app: Flask) -> None:
    first, second = (post(app, "/probe", {"quantity": 2}, **{"Idempotency-Key": "k"}) for _ in range(2))
    assert (first.status_code, first.json, first.headers["Location"]) == (201, {"number": 1}, "/probe/1")
    assert (second.status_code, second.data, second.headers["Location"]) == (201, first.data, "/probe/1")
    assert "Idempotency-Replayed" not in first.headers
    assert second.headers["Idempotency-Replayed"] == "true"
    assert len(probe.done) == 1


def test_spaces_and_order_do_not_make_another_body(client: FlaskClient) -> None:
    for body in (b'{"quantity": 2, "note": "a"}', b'{ "note":"a","quantity":2 }'):
        answer = client.post("/probe", data=body, content_type="application/json", headers={"Idempotency-Key": "k"})
        assert answer.status_code == 201
    assert len(probe.done) == 1


def test_the_same_key_with_another_body_is_422_and_does_nothing(app: Flask) -> None:
    post(app, "/probe", {"quantity": 2}, **{"Idempotency-Key": "k"})
    answer = post(app, "/probe", {"quantity": 3}, **{"Idempotency-Key": "k"})
    assert problem(answer) == (422, "idempotency_key_reused")
    assert [wish["quantity"] for wish in probe.done] == [2]


def test_without_a_key_each_request_is_a_command(app: Flask) -> None:
    assert [post(app, "/probe", {}).json["number"] for _ in range(2)] == [1, 2]
    assert keys_stored() == 0


def test_a_refused_command_stores_nothing_and_may_be_tried_again(app: Flask) -> None:
    for _ in range(2):
        answer = post(app, "/probe", {"quantity": 99}, **{"Idempotency-Key": "k"})
        assert problem(answer) == (409, "out_of_stock")
        assert "Idempotency-Replayed" not in answer.headers
    assert keys_stored() == 0
    assert post(app, "/probe", {"quantity": 1}, **{"Idempotency-Key": "k"}).status_code == 201


@pytest.mark.parametrize("key", ["", " ", "a b", "ü", "a" * 256, "a" * 10_240, "tab\t"])
def test_a_key_is_1_to_255_visible_characters(app: Flask, key: str) -> None:
    answer = post(app, "/probe", {}, **{"Idempotency-Key": key})
    assert problem(answer) == (422, "validation_failed")
    assert list(answer.json["errors"]) == ["Idempotency-Key"]
    assert probe.done == []


def test_two_people_with_the_same_key_do_not_meet(people: People) -> None:
    ada, bob = people.join("Ada"), people.join("Bob")
    answers = [person.post("/probe", {}, **{"Idempotency-Key": "k"}) for person in (ada, bob)]
    assert [answer.json["number"] for answer in answers] == [1, 2]
    assert all("Idempotency-Replayed" not in answer.headers for answer in answers)


def test_fifty_at_the_same_instant_are_one_command(app: Flask) -> None:
    with ThreadPoolExecutor(50) as pool:
        headers = {"Idempotency-Key": "at-once"}
        answers = list(pool.map(lambda _: ask(app, "POST", "/probe", {"quantity": 7}, headers), range(50)))
    assert {answer.status_code for answer in answers} == {201}
    assert {answer.data for answer in answers} == {b'{"number": 1}'}
    assert sum("Idempotency-Replayed" not in answer.headers for answer in answers) == 1
    assert len(probe.done) == 1
    assert keys_stored() == 1


def test_the_password_of_a_registration_cannot_be_guessed_from_its_key(app: Flask) -> None:
    body = {"email": "ada@example.com", "password": "correct horse", "name": "Ada"}
    assert post(app, "/api/users", body, **{"Idempotency-Key": "k"}).status_code == 201
    assert post(app, "/api/users", body, **{"Idempotency-Key": "k"}).headers["Idempotency-Replayed"] == "true"
    with db.reading() as session:
        row = session.scalars(select(IdempotencyKeyRow)).one()
    assert "correct horse" not in row.body
    assert len(row.fingerprint) == 64


def test_keys_are_forgotten_after_a_day_and_not_before(app: Flask) -> None:
    for key in ("old", "young"):
        post(app, "/probe", {}, **{"Idempotency-Key": key})
    with db.transaction() as session:
        session.execute(
            update(IdempotencyKeyRow).where(IdempotencyKeyRow.key == "old").values(created_at=in_seconds(-25 * 3600))
        )
    with db.transaction() as session:
        assert prune_commands(session) == 1
        assert prune_commands(session) == 0
    assert post(app, "/probe", {}, **{"Idempotency-Key": "young"}).headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in post(app, "/probe", {}, **{"Idempotency-Key": "old"}).headers


# --- guests -----------------------------------------------------------------------------------------

BY_ADDRESS_ALONE = {"post /api/users", "post /probe"}
"""Whoever repeats a registration knows its password; its answer opens nothing."""
TOLD_ONCE = {"post /api/cart"}
BY_THE_GUESTS_TOKEN = {
    "post /api/cart/{owner}",
    "post /api/cart/{owner}/merge",
    "post /api/cart/{owner}/shipping",
    "post /api/cart/{owner}/currency",
    "post /api/cart/{owner}/coupons",
    "post /api/orders",
    "post /api/orders/{id}/cancel",
    "post /api/orders/{id}/returns",
    "post /api/orders/{id}/reorder",
    "post /api/jobs/{id}/cancel",
    "post /api/payments",
}


def test_two_guests_behind_one_address_share_no_cart(app: Flask) -> None:
    bodies = [post(app, "/api/cart", **{"Idempotency-Key": "1"}) for _ in range(2)]
    assert [answer.status_code for answer in bodies] == [201, 201]
    first, second = (answer.json["id"] for answer in bodies)
    assert first != second
    assert ["Idempotency-Replayed" in answer.headers for answer in bodies] == [False, False]
    assert keys_stored() == 0, "no token is kept for who may ask"


def test_who_is_signed_in_is_told_the_same_cart_again(people: People) -> None:
    ada, bob = people.join("Ada"), people.join("Bob")
    opened = [who.post("/api/cart", **{"Idempotency-Key": "1"}).json["id"] for who in (ada, ada, bob)]
    assert (opened[0] == opened[1], opened[0] == opened[2]) == (True, False)


def test_two_guests_with_the_same_key_have_an_order_each(app: Flask, bank: Bank) -> None:
    put_on_shelf("CHAIR", on_hand=5)
    carts = [guests_cart(app) for _ in range(2)]
    placed = [post(app, "/api/orders", wish(cart, email="g@example.com"), **{"Idempotency-Key": "1"}) for cart in carts]
    assert len({answer.json["order_token"] for answer in placed}) == 2
    again = post(app, "/api/orders", wish(carts[0], email="g@example.com"), **{"Idempotency-Key": "1"})
    assert (again.json, again.headers["Idempotency-Replayed"]) == (placed[0].json, "true")


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_what_may_be_repeated_to_an_address_alone_is_decided_for_each_command(app: Flask) -> None:
    keyed = {
        f"{verb} {path}"
        for path, item in document(app)["paths"].items()
        for verb, operation in item.items()
        if verb in VERBS and {} in operation.get("security", [{}])
        if any(each.get("name") == "Idempotency-Key" for each in operation.get("parameters", []))
    }
    assert keyed == BY_ADDRESS_ALONE | TOLD_ONCE | BY_THE_GUESTS_TOKEN
