"""One secret, a key for each purpose, and what happens when the secret is changed."""

from __future__ import annotations

import hashlib
import hmac
import time
from typing import Any

import jwt
import pytest
from flask import Flask
from itsdangerous import URLSafeSerializer

import config
import db
from api import create_app
from config import checks
from config.checks import InsecureSetting
from shop.accounts import signed_links, users
from shop.accounts.signed_links import Kind, LinkDead
from shop.consent import unsubscribe_links
from shop.kernel import keys
from shop.kernel.errors import NotFound
from shop.kernel.keys import Purpose
from shop.orders import guest_tokens
from tests.api.bank import Bank
from tests.api.catalogue_data import guests_cart, guests_order, put_on_shelf
from tests.api.clients import PASSWORD, People, Person, ask, post, problem
from tests.fixtures import Configure

OLD, NEW, NEWER = ("old secret " * 4, "new secret " * 4, "newer secret " * 4)


class Held:
    """What people hold that the shop has signed."""

    def __init__(self, app: Flask, ada: Person) -> None:
        self.ada = ada
        self.order = guests_order(app, guests_cart(app)).json
        with db.transaction() as session:
            user = users.get(session, ada.id)
            self.link = signed_links.token(session, user, Kind.VERIFY_EMAIL)
            self.reset = signed_links.token(session, user, Kind.PASSWORD_RESET)
        self.unsubscribe = unsubscribe_links.way_out(ada.id, ada.email, "offers").url.rpartition("/")[2]

    def opened(self, app: Flask) -> dict[str, bool]:
        """What of it still works, each used once."""
        with db.reading() as session:
            links = {
                "link": _works(lambda: signed_links.opened(session, self.link, Kind.VERIFY_EMAIL)),
                "reset": _works(lambda: signed_links.opened(session, self.reset, Kind.PASSWORD_RESET)),
                "unsubscribe": _works(lambda: unsubscribe_links.opened(self.unsubscribe)),
            }
        shown = {"X-Order-Token": self.order["order_token"]}
        signed_in = {"Authorization": f"Bearer {self.ada.access}"}
        refreshed = post(app, "/api/auth/refresh", {"refresh_token": self.ada.refresh})
        return links | {
            "order": ask(app, "GET", f"/api/orders/{self.order['order']['id']}", headers=shown).status_code == 200,
            "access": ask(app, "GET", "/api/users/me", headers=signed_in).status_code == 200,
            "refresh": refreshed.status_code == 200,
        }


def _works(open_it: Any) -> bool:
    try:
        return bool(open_it())
    except (LinkDead, NotFound):
        return False


ALL = dict.fromkeys(("link", "reset", "unsubscribe", "order", "access", "refresh"), True)
NONE = dict.fromkeys(ALL, False)


@pytest.fixture
def held(app: Flask, bank: Bank, configure: Configure) -> Held:
    put_on_shelf("CHAIR", on_hand=5)
    configure(JWT_SECRET=OLD)
    app = create_app()
    return Held(app, People(app).join("Ada"))


def test_what_was_signed_before_is_accepted_after_one_change_and_not_after_two(
    held: Held, configure: Configure
) -> None:
    configure(JWT_SECRET=NEW, JWT_SECRET_PREVIOUS=OLD)
    assert held.opened(create_app()) == ALL
    configure(JWT_SECRET=NEWER, JWT_SECRET_PREVIOUS=NEW)
    held.ada.refresh = "0199aaaa-0000-7000-8000-000000000000.0.x"
    assert held.opened(create_app()) == NONE


def test_what_is_new_is_signed_with_the_new_secret(held: Held, configure: Configure) -> None:
    configure(JWT_SECRET=NEW, JWT_SECRET_PREVIOUS=OLD)
    app = create_app()
    held.ada.app = app
    fresh = Held(app, held.ada.sign_in())
    configure(JWT_SECRET=NEW, JWT_SECRET_PREVIOUS="")
    assert fresh.opened(create_app()) == ALL


def test_what_the_undivided_secret_signed_goes_on_being_accepted(held: Held) -> None:
    now, secret = int(time.time()), OLD.encode()
    said = {"iss": "orderwave", "aud": "orderwave", "type": "access", "iat": now, "exp": now + 60}
    family = held.ada.refresh.split(".")[0]
    token = jwt.encode(said | {"sub": held.ada.id, "sid": family}, OLD, algorithm="HS256")
    app = create_app()
    assert ask(app, "GET", "/api/users/me", headers={"Authorization": f"Bearer {token}"}).status_code == 200
    old = URLSafeSerializer(OLD, salt="unsubscribe", signer_kwargs={"digest_method": hashlib.sha256})
    assert unsubscribe_links.opened(old.dumps(unsubscribe_links.opened(held.unsubscribe))).user == held.ada.id
    order, cart = held.order["order"]["id"], "a cart"
    marked = hmac.new(secret, "\0".join(("order", order, cart)).encode(), hashlib.sha256).hexdigest()[:32]
    assert guest_tokens.opens(order, cart, marked)
    assert not guest_tokens.opens(order, "another", marked)
    assert guest_tokens.of(order, cart) != marked


def test_a_key_signs_for_one_purpose_only(held: Held) -> None:
    signing = [keys.signing(purpose) for purpose in Purpose]
    assert len({*signing, OLD.encode()}) == len(Purpose) + 1
    assert {len(key) for key in signing} == {32}
    as_a_link = URLSafeSerializer(
        keys.signing(Purpose.UNSUBSCRIBE_LINK),
        salt=Kind.PASSWORD_RESET,
        signer_kwargs={"digest_method": hashlib.sha256},
    )
    [id, bound, made] = keys.serializer(Purpose.ACCOUNT_LINK, Kind.PASSWORD_RESET).loads(held.reset)
    forged = {"token": as_a_link.dumps([id, bound, made]), "new_password": "another password"}
    assert problem(post(create_app(), "/api/auth/password-reset/confirm", forged)) == (422, "invalid_link")
    said = jwt.decode(held.ada.access, options={"verify_signature": False})
    wrong = jwt.encode(said, keys.signing(Purpose.REFRESH_TOKEN), algorithm="HS256")
    answer = ask(create_app(), "GET", "/api/users/me", headers={"Authorization": f"Bearer {wrong}"})
    assert problem(answer) == (401, "invalid_token")
    assert held.ada.sign_in().password == PASSWORD


def test_a_command_repeated_across_a_change_is_one_command(held: Held, configure: Configure) -> None:
    body = {"email": "eve@example.com", "password": PASSWORD, "name": "Eve"}
    first = post(create_app(), "/api/users", body, **{"Idempotency-Key": "k"})
    configure(JWT_SECRET=NEW, JWT_SECRET_PREVIOUS=OLD)
    again = post(create_app(), "/api/users", body, **{"Idempotency-Key": "k"})
    assert (first.status_code, again.status_code, again.headers["Idempotency-Replayed"]) == (201, 201, "true")
    assert again.json == first.json


def test_a_previous_secret_is_as_long_as_a_secret_and_is_not_shown(configure: Configure) -> None:
    with pytest.raises(InsecureSetting):
        checks.previous("short")
    configure(JWT_SECRET_PREVIOUS=OLD)
    assert OLD not in repr(config.settings())
