"""An account from registration to deletion."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

import db
from db.schema import new_id
from shop.accounts import users
from shop.accounts.addresses import AddressRow
from shop.accounts.sessions import SessionFamilyRow
from tests.api.clients import PASSWORD, People, Person, ask, post, problem

ADA = {"email": "ada@example.com", "password": PASSWORD, "name": "Ada Lovelace"}
HOME = {"name": "Ada", "line1": "St James's Square 12", "city": "London", "postal_code": "SW1Y 4JH", "country": "GB"}
BOOK = "/api/users/me/addresses"


def everything() -> list[Any]:
    with db.reading() as session:
        return list(session.scalars(select(users.UserRow)))


def test_who_registers_is_a_customer_with_an_unverified_address(app: Flask) -> None:
    answer = post(app, "/api/users", {**ADA, "email": " Ada@Example.com "})
    assert answer.status_code == 201
    body = answer.json
    assert body.pop("id")
    assert body.pop("created_at").endswith("Z")
    ada = {"email": "ada@example.com", "name": "Ada Lovelace", "language": "en"}
    assert body == ada | {"role": "customer", "email_verified": False}


def test_a_password_is_stored_as_a_hash_and_told_to_nobody(app: Flask) -> None:
    answer = post(app, "/api/users", ADA)
    assert PASSWORD not in answer.text
    assert "$2" not in answer.text
    (row,) = everything()
    assert row.password_hash.startswith("$2b$04$")


def test_one_address_is_one_account(app: Flask) -> None:
    post(app, "/api/users", ADA)
    answer = post(app, "/api/users", {**ADA, "email": "ADA@example.COM", "name": "Eve"})
    assert problem(answer) == (409, "email_taken")
    assert [row.name for row in everything()] == ["Ada Lovelace"]


@pytest.mark.parametrize("forged", [{"role": "admin"}, {"id": new_id()}, {"email_verified": True}, {"status": "x"}])
def test_nobody_registers_with_more_than_they_may_say(app: Flask, forged: dict[str, Any]) -> None:
    assert problem(post(app, "/api/users", ADA | forged)) == (422, "validation_failed")
    assert everything() == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"email": "no address"},
        {"email": "a@b\r\nBcc: all@example.com"},
        {"email": "a" * 250 + "@example.com"},
        {"email": None},
        {"password": "short"},
        {"password": "x" * 1025},
        {"password": "nul\0nul-nul"},
        {"password": 12345678},
        {"name": ""},
        {"name": "  "},
        {"name": "Ada\r\nBcc: all@example.com"},
        {"name": "x" * 101},
    ],
)
def test_a_registration_that_makes_no_sense_changes_nothing(app: Flask, wrong: dict[str, Any]) -> None:
    answer = post(app, "/api/users", ADA | wrong)
    assert problem(answer) == (422, "validation_failed")
    assert list(answer.json["errors"]) == list(wrong)
    assert everything() == []


def test_a_name_may_be_any_line_that_holds_no_link_and_no_markup(app: Flask) -> None:
    for number, name in enumerate(["$(reboot)", "%s %(x)s", "Ünïcödé 🎉", "'; DROP TABLE users --"]):
        answer = post(app, "/api/users", {**ADA, "email": f"{number}@example.com", "name": name})
        assert (answer.status_code, answer.json["name"]) == (201, name)


def test_a_name_can_be_changed_and_a_role_cannot(people: People) -> None:
    ada = people.join()
    assert ada.ask("PATCH", "/api/users/me", {"name": "Countess"}).json["name"] == "Countess"
    for forged in ({"role": "admin"}, {"id": new_id()}, {"password_hash": "x"}):
        assert problem(ada.ask("PATCH", "/api/users/me", forged)) == (422, "validation_failed")
    assert ada.get("/api/users/me").json["role"] == "customer"


def test_another_address_needs_the_password_and_is_not_verified(people: People) -> None:
    ada, bob = people.join("Ada"), people.join("Bob")
    for wrong in ({}, {"current_password": "a guess"}):
        answer = ada.ask("PATCH", "/api/users/me", {"email": "new@example.com", **wrong})
        assert problem(answer) == (403, "wrong_password")
    taken = ada.ask("PATCH", "/api/users/me", {"email": bob.email.upper(), "current_password": PASSWORD})
    assert problem(taken) == (409, "email_taken")
    assert ada.get("/api/users/me").json["email"] == ada.email
    changed = ada.ask("PATCH", "/api/users/me", {"email": "new@example.com", "current_password": PASSWORD})
    assert (changed.json["email"], changed.json["email_verified"]) == ("new@example.com", False)


def test_the_first_address_is_the_default_and_another_can_take_over(people: People) -> None:
    ada = people.join()
    first = ada.post(BOOK, HOME)
    assert first.status_code == 201
    assert first.headers["Location"] == f"{BOOK}/{first.json['id']}"
    assert first.json["default_shipping"]
    assert first.json["default_billing"]
    second = ada.post(BOOK, {**HOME, "city": "Ockham", "default_shipping": True}).json
    assert (second["default_shipping"], second["default_billing"]) == (True, False)
    again = ada.get(f"{BOOK}/{first.json['id']}").json
    assert (again["default_shipping"], again["default_billing"]) == (False, True)


def test_an_address_is_replaced_whole(people: People) -> None:
    ada = people.join()
    id = ada.post(BOOK, {**HOME, "line2": "2nd floor", "phone": "+44 20 7946 0000"}).json["id"]
    answer = ada.ask("PUT", f"{BOOK}/{id}", {**HOME, "city": "Bath"})
    assert (answer.json["city"], answer.json["line2"], answer.json["phone"]) == ("Bath", None, None)
    assert answer.json["default_shipping"]


@pytest.mark.parametrize("wrong", [{"country": "XX"}, {"country": "de"}, {"phone": "call me"}, {"line1": " "},
                                   {"city": "a\nb"}, {"user_id": new_id()}, {"id": new_id()}])  # fmt: skip
def test_an_address_that_is_none_is_not_booked(people: People, wrong: dict[str, str]) -> None:
    ada = people.join()
    assert problem(ada.post(BOOK, HOME | wrong)) == (422, "validation_failed")
    assert ada.get(BOOK).json == {"items": [], "next": None}


def test_an_address_book_comes_in_pages_and_is_bounded(people: People) -> None:
    ada = people.join()
    ids = [ada.post(BOOK, HOME).json["id"] for _ in range(50)]
    assert problem(ada.post(BOOK, HOME)) == (409, "too_many_addresses")
    first = ada.get(f"{BOOK}?limit=30").json
    second = ada.get(f"{BOOK}?limit=30&cursor={first['next']}").json
    assert [row["id"] for row in first["items"] + second["items"]] == ids
    assert second["next"] is None
    for limit in ("0", "101", "1000000", "-1", "1e2", "x", "1.5", "%D9%A3"):
        assert problem(ada.get(f"{BOOK}?limit={limit}")) == (422, "validation_failed")
    for cursor in ("x", "WyJhIl0", "W10", "bnVsbA", "%00", "WzFd", "eyJhIjoxfQ", "e30", "🎉", "W251bGxd"):
        assert problem(ada.get(f"{BOOK}?cursor={cursor}")) == (422, "validation_failed"), cursor


def test_somebody_elses_address_is_not_there(people: People) -> None:
    ada, eve = people.join("Ada"), people.join("Eve")
    id = ada.post(BOOK, HOME).json["id"]
    for method, body in (("GET", None), ("PUT", {**HOME, "city": "Nowhere"}), ("DELETE", None)):
        answer = eve.ask(method, f"{BOOK}/{id}", body)
        assert problem(answer) == (404, "not_found")
        assert id not in answer.text
    assert ada.get(f"{BOOK}/{id}").json["city"] == "London"
    assert ada.ask("DELETE", f"{BOOK}/{id}").status_code == 204
    assert problem(ada.get(f"{BOOK}/{id}")) == (404, "not_found")


def test_an_export_tells_all_of_oneself_and_nothing_of_others(people: People) -> None:
    ada, bob = people.join("Ada"), people.join("Bob")
    ada.post(BOOK, HOME)
    bob.post(BOOK, {**HOME, "name": "Bob"})
    answer = ada.get("/api/users/me/export")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    told = answer.json
    assert told["profile"]["email"] == ada.email
    assert told["profile"]["created_at"].endswith("Z")
    assert [row["name"] for row in told["addresses"]] == ["Ada"]
    assert len(told["sessions"]) == 1
    assert "$2" not in answer.text
    assert bob.email not in answer.text


def test_who_leaves_leaves_nothing_behind(app: Flask, people: People) -> None:
    ada = people.join()
    ada.post(BOOK, HOME, **{"Idempotency-Key": "k"})
    other = ada.twin()
    assert ada.ask("DELETE", "/api/users/me").status_code == 204
    for session in (ada, other):
        assert problem(session.get("/api/users/me")) == (401, "invalid_token")
        assert post(app, "/api/auth/refresh", {"refresh_token": session.refresh}).status_code == 401
    login = post(app, "/api/auth/login", {"email": ada.email, "password": PASSWORD})
    assert problem(login) == (401, "invalid_credentials")
    with db.reading() as look:
        row = look.get_one(users.UserRow, ada.id)
        assert (row.email, row.name, row.password_hash, row.email_hash) == (None, "", "", None)
        assert look.scalars(select(AddressRow)).all() == []
        assert all(family.revoked_at for family in look.scalars(select(SessionFamilyRow)))
    assert post(app, "/api/users", {**ADA, "email": ada.email}).status_code == 201


# --- admins ---------------------------------------------------------------------------------------


def change(admin: Person, id: str, role: str) -> Any:
    return admin.ask("PATCH", f"/api/users/{id}", {"role": role})


@pytest.mark.parametrize("role", ["customer", "staff"])
def test_only_admins_see_accounts_and_change_roles(people: People, role: str) -> None:
    eve = people.join("Eve", role=role)
    assert problem(eve.get("/api/users")) == (403, "forbidden")
    assert problem(change(eve, eve.id, "admin")) == (403, "forbidden")
    assert eve.get("/api/users/me").json["role"] == role


def test_a_role_given_and_taken_counts_at_once(people: People) -> None:
    root, ada = people.join("Root", role="admin"), people.join("Ada")
    assert change(root, ada.id, "staff").json["role"] == "staff"
    assert ada.get("/probe/staff").status_code == 200
    change(root, ada.id, "customer")
    assert problem(ada.get("/probe/staff")) == (403, "forbidden")


def test_tags_are_given_by_admins_all_at_once(people: People) -> None:
    root, ada = people.join("Root", role="admin"), people.join("Ada")
    assert root.ask("PATCH", f"/api/users/{ada.id}", {"tags": ["vip", "north", "vip"]}).json["tags"] == ["north", "vip"]
    for nonsense in (["Grüße"], ["a b"], [""], ["x" * 41], [f"t{n}" for n in range(51)], [1], "vip"):
        assert problem(root.ask("PATCH", f"/api/users/{ada.id}", {"tags": nonsense}))[0] == 422
    assert problem(ada.ask("PATCH", f"/api/users/{ada.id}", {"tags": ["vip"]})) == (403, "forbidden")
    assert [user["tags"] for user in root.get("/api/users").json["items"]] == [["north", "vip"], []]
    assert root.ask("PATCH", f"/api/users/{ada.id}", {"tags": []}).json["tags"] == []
    assert ada.get("/api/users/me/export").json["tags"] == []


def test_the_last_admin_stays(people: People) -> None:
    root = people.join("Root", role="admin")
    assert problem(change(root, root.id, "customer")) == (409, "last_admin")
    assert problem(root.ask("DELETE", "/api/users/me")) == (409, "last_admin")
    assert root.get("/api/users").status_code == 200


def test_accounts_come_newest_first_without_secrets_and_without_who_left(app: Flask, people: People) -> None:
    root = people.join("Root", role="admin")
    ada, bob = people.join("Ada"), people.join("Bob")
    ada.ask("DELETE", "/api/users/me")
    first = root.get("/api/users?limit=1").json
    second = root.get(f"/api/users?limit=1&cursor={first['next']}").json
    assert [row["id"] for row in first["items"] + second["items"]] == [bob.id, root.id]
    assert set(first["items"][0]) == {"id", "email", "name", "language", "role", "email_verified", "created_at", "tags"}
    assert [row["id"] for row in root.get("/api/users?role=admin").json["items"]] == [root.id]
    assert problem(change(root, ada.id, "staff")) == (404, "not_found")
    assert problem(change(root, new_id(), "staff")) == (404, "not_found")
    assert problem(change(root, bob.id, "emperor")) == (422, "validation_failed")
    assert problem(ask(app, "GET", "/api/users")) == (401, "unauthenticated")
