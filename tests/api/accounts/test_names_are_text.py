"""Whatever somebody is called, or calls their goods: in a mail it is text, not markup and no template."""

from __future__ import annotations

import pytest
from flask import Flask

from gateways.mail import Mail
from tests.api.bank import Bank
from tests.api.carts.test_cart_reminders import filled, hours_pass, postman, wishing  # noqa: F401 - a fixture
from tests.api.catalogue_data import ADDRESS, call_buyer, guests_cart, guests_order, put_on_shelf
from tests.api.clients import People, ask
from tests.api.inline_worker import drive
from tests.api.mailing_list import Postman
from tests.api.offers import promotion

EVIL = "<script>alert(1)</script> {{ 7*1111 }} {% if"

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)  # of words, not of the database


def is_text(mail: Mail, least: int) -> None:
    assert mail.html is not None
    assert "<script" not in mail.html
    assert "7777" not in mail.text + mail.html
    escaped = "&lt;script&gt;alert(1)&lt;/script&gt; {{ 7*1111 }} {% if"
    assert mail.html.count(escaped) == mail.text.count(EVIL) >= least


def test_in_mails_about_orders(app: Flask, bank: Bank, sent: list[Mail]) -> None:
    put_on_shelf("CHAIR", name=EVIL)
    promotion(name=EVIL)
    token = guests_cart(app)
    placed = guests_order(app, token, shipping_address=ADDRESS).json
    call_buyer(placed["order"]["id"], EVIL)
    assert drive(placed["job"]["id"]) == "succeeded"
    shown = {"X-Order-Token": placed["order_token"]}
    called_off = ask(app, "POST", f"/api/orders/{placed['order']['id']}/cancel", headers=shown).json
    assert drive(called_off["job"]["id"]) == "succeeded"
    confirmed, cancelled = sent
    is_text(confirmed, 3)  # the buyer, the chair, what makes it cheaper
    is_text(cancelled, 1)


def test_in_reminders_of_carts(people: People, postman: Postman) -> None:  # noqa: F811
    put_on_shelf("CHAIR", name=EVIL)
    ada = wishing(people.join("Ada"))
    filled(ada)
    hours_pass(1.1)
    [mail] = postman.mails
    is_text(mail, 1)
