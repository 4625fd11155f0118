"""Small pages of our own: in their reader's language, with a word for all that the API may say."""

from __future__ import annotations

import re

import pytest
from flask import Flask

from api.pages import rendering
from api.pages.rendering import allowed
from api.pages.storefront import PAGES
from gateways.mail import Mail
from shop.orders.states import FulfilmentStatus, PaymentStatus, Status
from tests.api.bank import Bank
from tests.api.catalogue_data import paid, put_on_shelf
from tests.api.clients import Person

FOLDER = rendering.PAGES
QUIET = {"paid.unpaid", "sent.unfulfilled"}  # nothing has happened yet


def words(app: Flask, page: str) -> set[str]:
    return set(re.findall(r'data-word="([^"]+)"', app.test_client().get(f"/account/{page}").text))


@pytest.mark.parametrize("page", ["/", *sorted(f"/account/{name}" for name in PAGES)])
def test_a_page_is_in_the_language_that_its_reader_likes_best(app: Flask, page: str) -> None:
    said = {}
    for liked, language in (("de-AT,en;q=0.5", "de"), ("fr,en-GB;q=0.5", "en"), ("fr", "en")):
        answer = app.test_client().get(page, headers={"Accept-Language": liked})
        assert (answer.headers["Content-Language"], answer.headers["Vary"]) == (language, "Accept-Language")
        assert f'<html lang="{language}">' in answer.text
        said[language] = set(re.findall(r">\s*([^<>]*\w[^<>]*?)\s*<", answer.text))
    assert said["de"] & said["en"] <= {"Orderwave", "API", "Flower"}


def test_there_is_a_word_for_every_state_of_an_order(app: Flask) -> None:
    kinds = {"status": Status, "paid": PaymentStatus, "sent": FulfilmentStatus}
    states = {f"{kind}.{state}" for kind, all_of_them in kinds.items() for state in all_of_them}
    assert states - words(app, "order") == QUIET


def test_there_is_a_word_for_every_problem_of_a_cart(app: Flask) -> None:
    code = re.compile(r'Problem\(\s*"(\w+)"')
    assert set(code.findall((FOLDER.parents[1] / "shop/carts/priced_cart.py").read_text())) <= words(app, "cart")


def test_scripts_ask_for_nothing_that_nobody_documents() -> None:
    asked = [path for script in FOLDER.glob("*.js") for path in re.findall(r"ask\([`\"]([^`\"]*)", script.read_text())]
    assert len(asked) >= 5
    assert [path for path in asked if "?" in path] == []


@pytest.mark.parametrize("page", sorted(PAGES))
def test_a_script_says_only_what_its_page_has_words_for(app: Flask, page: str) -> None:
    [script] = re.findall(r'src="/account/([\w.]+)"', app.test_client().get(f"/account/{page}").text)
    for name in (script, "shop.js"):
        assert set(re.findall(r'word\("([^"]+)"\)', (FOLDER / name).read_text())) <= words(app, page), name


def test_an_invoice_keeps_its_looks_where_the_page_of_an_order_shows_it(
    app: Flask, ada: Person, bank: Bank, sent: list[Mail]
) -> None:
    """What a script opens has the policy of the page that the script belongs to."""
    put_on_shelf("CHAIR")
    invoice = ada.get(f"/api/orders/{paid(ada)}/invoice")
    [style] = re.findall(r"<style>(.*)</style>", invoice.text, re.DOTALL)
    for policy in (invoice.headers, app.test_client().get("/account/order").headers):
        assert allowed(style) in policy["Content-Security-Policy"]
