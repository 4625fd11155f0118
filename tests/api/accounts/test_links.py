"""Every link that somebody is mailed leads to a page that is there, with a storefront and without one; what opens
something stands behind the #."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from sqlalchemy import update

import db
import letters
import tasks.campaigns.sending
import tasks.campaigns.stock_alerts
from api.pages.storefront import PAGES, PARTS
from config import settings
from config.checks import STOREFRONT, WrongSetting
from db.functions import in_seconds
from engine import Hold
from engine.tables import RunRow
from gateways.mail import Mail
from shop.carts.carts import CartRow
from shop.kernel import links
from shop.kernel.links import OWN, Place
from tasks import maintenance
from tests.api.bank import Bank
from tests.api.carts.test_cart_reminders import wishing
from tests.api.catalogue_data import guests_cart, guests_order, order, order_by, paid, put_on_shelf, shipped
from tests.api.clients import People, Person, post
from tests.api.inline_worker import drive
from tests.api.mailing_list import OFFERS, campaign, sent_now, willing, work_off
from tests.api.staff_view import give_back
from tests.fixtures import Configure

ROOT = Path(__file__).parents[3]
FRONT = "https://www.shop.example/de"
Written = dict[str, list[Mapping[str, Any]]]
LINKED = {kind for kind, values in letters.SAMPLES.items() if "link" in values}


@pytest.fixture
def written(app: Flask, bank: Bank, sent: list[Mail], monkeypatch: pytest.MonkeyPatch) -> Written:
    """What each letter says, by its kind."""
    found: Written = defaultdict(list)
    write = letters.write

    def noted(kind: str, values: Mapping[str, Any], language: str) -> letters.Letter:
        found[kind].append(values)
        return write(kind, values, language)

    monkeypatch.setattr(letters, "write", noted)
    for carrier in (tasks.campaigns.sending, tasks.campaigns.stock_alerts):
        monkeypatch.setattr(carrier, "mailer", lambda: type("Postman", (), {"send": staticmethod(sent.append)}))
    put_on_shelf("CHAIR", on_hand=90)
    put_on_shelf("TABLE", on_hand=0)
    return found


def everything_is_told(app: Flask, people: People, sam: Person) -> None:
    """A story in which each letter with a link is written."""
    ada = wishing(people.join("Ada"))
    post(app, "/api/auth/password-reset", {"email": ada.email})
    _goods_come_back(ada, sam)
    assert ada.post(f"/api/orders/{paid(ada)}/cancel").status_code == 202
    give_back(sam, paid(ada), 100)
    guest = guests_order(app, guests_cart(app)).json["order"]
    work_off()
    lost = {"number": guest["number"], "email": "guest@example.com"}
    assert post(app, "/api/orders/lookup", lost).status_code == 202
    drive(order(ada, token="tok_declined")["job"]["id"])
    _nobody_pays(ada)
    bea = wishing(people.join("Bea"), OFFERS | {("back_in_stock", "email"): True})
    _cart_is_left(bea)
    assert bea.post("/api/users/me/stock-alerts", {"sku": "TABLE"}).status_code == 201
    assert sam.post("/api/stock/TABLE/movements", {"kind": "receive", "quantity": 1}).status_code == 201
    maintenance.remind_of_carts()
    work_off()


def _goods_come_back(ada: Person, sam: Person) -> None:
    id = paid(ada, quantity=2)
    shipped(sam, id)
    wish = {"lines": [{"sku": "CHAIR", "quantity": 1}]}
    rejected, taken = (ada.post(f"/api/orders/{id}/returns", wish).json["return"]["id"] for _ in range(2))
    work_off()
    assert sam.post(f"/api/orders/{id}/returns/{rejected}/reject", {"reason": "It was worn."}).status_code == 202
    assert sam.post(f"/api/orders/{id}/returns/{taken}/receive", {}).status_code == 202


def _nobody_pays(ada: Person) -> None:
    """They are asked to, and then it is too late."""
    job = order_by(ada, "bank_transfer")["job"]["id"]
    work_off()
    with db.transaction() as session:
        session.execute(update(RunRow).where(RunRow.id == job).values(hold=Hold.NONE, wait_until=in_seconds(-1.0)))
    assert drive(job) == "failed"


def _cart_is_left(bea: Person) -> None:
    assert bea.post("/api/cart/me", {"sku": "CHAIR", "quantity": 2}).status_code == 200
    with db.transaction() as session:
        session.execute(update(CartRow).where(CartRow.owner_id == bea.id).values(updated_at=in_seconds(-2 * 3600)))


def test_every_letter_with_a_link_leads_to_a_page_of_our_own(
    app: Flask, people: People, sam: Person, written: Written
) -> None:
    everything_is_told(app, people, sam)
    assert {kind for kind, said in written.items() if "link" in said[0]} == LINKED
    for kind, said in written.items():
        for url in _links(said):
            answer = app.test_client().get(urlsplit(url).path)
            assert (answer.status_code, answer.mimetype) == (200, "text/html"), (kind, url)
            assert url.startswith(settings().public_url)
            assert "token=" not in urlsplit(url).query


def test_with_a_storefront_they_lead_there_and_hold_their_tokens_behind_the_hash(
    app: Flask, people: People, sam: Person, written: Written, configure: Configure
) -> None:
    configure(STOREFRONT_URL=f"{FRONT}/", STOREFRONT_PATHS="order=/my/orders/{id}, cart=/basket")
    everything_is_told(app, people, sam)
    pages = _front(Flask("front"))
    assert {kind for kind, said in written.items() if "link" in said[0]} == LINKED
    for kind, said in written.items():
        for url in _links(said):
            assert url.startswith(FRONT), (kind, url)
            assert pages.test_client().get(urlsplit(url).path).status_code == 200, (kind, url)
            assert urlsplit(url).query == ""
    [guests] = {said["link"] for said in written["order_link"]}
    assert re.fullmatch(re.escape(FRONT) + r"/my/orders/[0-9a-f-]{36}#token=[\w.-]{32}", guests)
    assert re.fullmatch(re.escape(FRONT) + r"/my/orders/[0-9a-f-]{36}", written["refunded"][0]["link"])
    assert written["cart_reminder"][0]["link"] == f"{FRONT}/basket"
    assert written["password_reset"][0]["link"].startswith(f"{FRONT}/reset-password#token=")


def _links(said: list[Mapping[str, Any]]) -> list[str]:
    return [one[name] for one in said for name in ("link", "unsubscribe") if name in one]


def _front(app: Flask) -> Flask:
    """A storefront as it was promised one."""
    for place, path in settings().storefront_paths.items():
        app.add_url_rule("/de" + path.replace("{", "<").replace("}", ">"), place, lambda **_: "a page")
    return app


@pytest.mark.parametrize(
    ("front", "home", "out"),
    [
        ("", "{own}/", "{own}/account/unsubscribe#token="),
        (FRONT, f"{FRONT}/", f"{FRONT}/unsubscribe#token="),
    ],
)
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_campaign_leads_to_the_front_door_and_mail_programs_to_the_api(
    app: Flask, sam: Person, written: Written, sent: list[Mail], configure: Configure, front: str, home: str, out: str
) -> None:
    configure(STOREFRONT_URL=front)
    willing("ada")
    sent_now(sam, campaign(sam, text="See {{ shop_url }} or {{ unsubscribe_url }}"))
    work_off()
    own, mail = settings().public_url, sent[-1]
    assert mail.text.startswith(f"See {home} or {out}".format(own=own))
    one_click = mail.headers["List-Unsubscribe"].strip("<>")
    assert one_click.startswith(f"{own}/api/unsubscribe/")
    assert app.test_client().post(urlsplit(one_click).path).status_code == 200
    assert app.test_client().get("/").mimetype == "text/html"


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_our_own_pages_run_no_strangers_script_and_keep_nothing(app: Flask) -> None:
    client = app.test_client()
    for path in (f"/account/{name}" for name in PAGES):
        page = client.get(path)
        assert (page.status_code, page.mimetype) == (200, "text/html"), path
        policy = page.headers["Content-Security-Policy"].split("; ")
        assert {"default-src 'none'", "script-src 'self'", "form-action 'none'"} <= set(policy), path
        assert not re.search(r"<script(?![^>]*src=)|<style| on\w+=", page.text), path
    for name in PARTS:
        assert not re.search(r"innerHTML|localStorage|sessionStorage|cookie", client.get(f"/account/{name}").text), name
    assert {OWN[place].removeprefix("/account/") for place in Place} == PAGES | {"/"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"STOREFRONT_URL": "shop.example"},
        {"STOREFRONT_URL": "https://shop.example/?a=1"},
        {"STOREFRONT_PATHS": "order=orders/{id}"},
        {"STOREFRONT_PATHS": "basket=/basket"},
        {"STOREFRONT_PATHS": "order=/orders/{token}"},
        {"STOREFRONT_PATHS": "unsubscribe=/bye/{token}"},
        {"STOREFRONT_PATHS": "home=/#here"},
    ],
    ids=str,
)
def test_a_storefront_that_makes_no_sense_is_told_at_the_start(configure: Configure, wrong: dict[str, str]) -> None:
    configure(**wrong)
    with pytest.raises(WrongSetting):
        settings()


def test_one_place_makes_all_links_and_knows_every_page() -> None:
    assert set(STOREFRONT) == set(OWN) == {*Place}
    places = [*ROOT.glob("shop/**/*.py"), *ROOT.glob("tasks/**/*.py"), *ROOT.glob("letters/**/*.py")]
    assert len(places) > 100
    assert [path.name for path in places if "public_url" in path.read_text()] == [Path(links.__file__).name]
