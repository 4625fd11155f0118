"""What people want to hear of: asked for, written down with time and place, and taken back by one click (P10)."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from flask import Flask
from sqlalchemy import func, select, update

import db
from db.functions import transaction_time
from shop.accounts.email_addresses import hashed
from shop.accounts.users import UserRow
from shop.consent import eligibility, suppressions, unsubscribe_links
from shop.consent.consents import ConsentEventRow, ConsentRow
from shop.consent.suppressions import Reason, SuppressionRow
from shop.consent.topics import MARKETING, Channel, Topic
from tests.api.catalogue_data import count
from tests.api.clients import PASSWORD, People, Person, ask, post, problem

PATH, CONSENTS = "/api/users/me/preferences", "/api/users/me/consents"
OFF = {topic: {"email": False, "sms": False, "push": False} for topic in MARKETING}
DEFAULT = {"language": "en", "marketing_emails": False, "topics": {"orders": {"email": True}, **OFF}}


def verified(person: Person) -> Person:
    with db.transaction() as session:
        session.execute(update(UserRow).where(UserRow.id == person.id).values(email_verified_at=transaction_time()))
    return person


def prefer(person: Person, **wish: Any) -> Any:
    answer = person.ask("PUT", PATH, wish)
    assert answer.status_code == 200, answer.text
    return answer.json


def wants_offers(people: People) -> Person:
    ada = verified(people.join("Ada"))
    prefer(ada, topics={"offers": {"email": True}})
    return ada


def may(person: Person, topic: str = Topic.OFFERS, channel: str = Channel.EMAIL) -> bool:
    with db.reading() as session:
        return eligibility.may_send(session, person.id, topic, channel)


def link(person: Person, topic: str = Topic.OFFERS) -> str:
    url = unsubscribe_links.way_out(person.id, person.email, topic).url
    return url[url.index("/api/") :]


def click(app: Flask, path: str, **form: str) -> Any:
    return app.test_client().post(path, data={"List-Unsubscribe": "One-Click", **form})


def test_preferences_have_defaults_and_are_replaced_whole(people: People) -> None:
    ada = people.join()
    assert ada.get(PATH).json == DEFAULT
    changed = prefer(ada, language="de", topics={"offers": {"email": True, "push": True}})
    assert changed == ada.get(PATH).json
    assert (changed["language"], changed["marketing_emails"]) == ("de", False)
    assert changed["topics"]["offers"] == {"email": True, "sms": False, "push": True}
    assert prefer(ada, **changed) == changed
    assert prefer(ada) == DEFAULT


def test_one_word_for_all_marketing_by_mail_and_a_topic_of_its_own(people: People) -> None:
    shown = prefer(people.join(), marketing_emails=True, topics={"reminders": {"email": False}})
    assert [shown["topics"][topic]["email"] for topic in MARKETING] == [True, False, True]


@pytest.mark.parametrize(
    "wrong",
    [
        {"marketing_emails": "yes"},
        {"language": "klingon"},
        {"language": "fr"},
        {"language": "de\n"},
        {"colour": "red"},
        {"topics": {"orders": {"email": False}}},
        {"topics": {"orders": {"sms": True}}},
        {"topics": {"spam": {"email": True}}},
        {"topics": {"offers": {"pigeon": True}}},
        {"topics": {"offers": {"email": 1}}},
        {"topics": [1]},
    ],
)
def test_a_wish_that_makes_no_sense_changes_nothing(people: People, wrong: Any) -> None:
    ada = people.join()
    assert problem(ada.ask("PUT", PATH, wrong)) == (422, "validation_failed")
    assert ada.get(PATH).json == DEFAULT
    assert count(ConsentRow) == 0


def test_every_yes_and_no_is_kept_with_time_and_source(people: People, app: Flask) -> None:
    ada = wants_offers(people)
    prefer(ada, topics={"offers": {"email": True}})  # said again, which says nothing new
    click(app, link(ada))
    said = ada.get(CONSENTS).json["items"]
    assert [(one["topic"], one["channel"], one["granted"], one["source"]) for one in said] == [
        ("offers", "email", False, "unsubscribe link"),
        ("offers", "email", True, "preferences"),
    ]
    assert all(one["at"].endswith("Z") for one in said)
    assert len(ada.get("/api/users/me/export").json["consents"]) == 2


def test_marketing_reaches_who_asked_for_it_with_a_confirmed_address(people: People) -> None:
    ada = people.join("Ada")
    prefer(ada, topics={"offers": {"email": True}})
    assert not may(ada)
    verified(ada)
    assert may(ada)
    assert not may(ada, Topic.REMINDERS)
    assert not may(ada, Topic.OFFERS, Channel.SMS)
    assert not may(verified(people.join("Bob")))


def test_mails_about_orders_reach_everybody_with_an_account(people: People) -> None:
    ada = people.join("Ada")
    with db.transaction() as session:
        suppressions.add(session, [hashed(ada.email)], Reason.BOUNCE)
    assert may(ada, Topic.ORDERS)
    ada.ask("DELETE", "/api/users/me")
    assert not may(ada, Topic.ORDERS)


def test_an_audience_is_asked_for_in_one_query(people: People) -> None:
    ada, bob = wants_offers(people), verified(people.join("Bob"))
    with db.reading() as session:
        found = eligibility.recipients(session, [ada.id, bob.id], Topic.OFFERS)
        query = select(func.count()).select_from(UserRow).where(eligibility.reachable(Topic.OFFERS))
        assert session.scalar(query) == 1
    assert {id: (one.email, one.name, one.language) for id, one in found.items()} == {ada.id: (ada.email, "Ada", "en")}


def test_a_page_asks_and_changes_nothing(app: Flask, people: People) -> None:
    ada = wants_offers(people)
    answer = app.test_client().get(link(ada))
    assert (answer.status_code, answer.mimetype) == (200, "text/html")
    assert "Nothing has changed yet" in answer.text
    assert "form-action 'self'" in answer.headers["Content-Security-Policy"]
    assert may(ada)


def test_the_link_in_a_mail_has_its_token_where_no_server_sees_it(app: Flask, people: People) -> None:
    ada = verified(people.join("Ada"))
    prefer(ada, marketing_emails=True)
    page = urlsplit(unsubscribe_links.way_out(ada.id, ada.email, Topic.OFFERS).page)
    shown = app.test_client().get(page.path)
    assert (shown.status_code, page.query, may(ada)) == (200, "", True)
    [path] = re.findall(r'data-path="([^"]+)"', shown.text)
    token = page.fragment.removeprefix("token=")
    assert post(app, path, {"token": token}).status_code == 204
    assert [may(ada, topic) for topic in MARKETING] == [False, True, True]
    assert post(app, path, {"token": token, "everything": True}).status_code == 204
    assert [may(ada, topic) for topic in MARKETING] == [False, False, False]


def test_one_click_unsubscribes_and_a_second_does_no_harm(app: Flask, people: People) -> None:
    ada = verified(people.join("Ada"))
    prefer(ada, marketing_emails=True)
    for _ in range(2):
        answer = click(app, link(ada))
        assert (answer.status_code, "You are unsubscribed" in answer.text) == (200, True)
    assert not may(ada)
    assert may(ada, Topic.REMINDERS)
    assert count(SuppressionRow) == 0
    prefer(ada, marketing_emails=True)
    assert may(ada)


def test_of_everything_means_the_address_too_until_they_ask_again(app: Flask, people: People) -> None:
    ada = verified(people.join("Ada"))
    prefer(ada, marketing_emails=True)
    assert click(app, link(ada), everything="1").status_code == 200
    assert [may(ada, topic) for topic in MARKETING] == [False, False, False]
    assert count(SuppressionRow, SuppressionRow.reason == "unsubscribe") == 1
    prefer(ada, topics={"offers": {"email": True}})
    assert [may(ada, topic) for topic in MARKETING] == [True, False, False]


def test_a_link_outlives_the_account(app: Flask, people: People) -> None:
    ada = wants_offers(people)
    path = link(ada)
    ada.ask("DELETE", "/api/users/me")
    assert count(ConsentRow) == count(ConsentEventRow) == 0
    assert click(app, path).status_code == 200
    with db.reading() as session:
        assert [row.reason for row in suppressions.of(session, hashed(ada.email))] == ["unsubscribe"]


@pytest.mark.parametrize("change", ["x", ".x", "%00", "a" * 400])
def test_a_link_that_was_tampered_with_does_nothing(app: Flask, people: People, change: str) -> None:
    ada = wants_offers(people)
    for method in ("GET", "POST"):
        assert problem(ask(app, method, link(ada) + change)) == (404, "not_found")
    changed = unsubscribe_links.way_out(ada.id, ada.email, Topic.OFFERS).url.rpartition("/")[2] + unquote(change)
    assert post(app, "/api/unsubscribe", {"token": changed}).status_code in (404, 422)
    assert may(ada)


def test_what_was_signed_for_something_else_is_no_link(app: Flask, people: People) -> None:
    ada = wants_offers(people)
    signed = unsubscribe_links._signer().dumps([ada.id, hashed(ada.email), "orders", "email"])
    short = unsubscribe_links._signer().dumps("x")
    for token in (signed, short):
        assert problem(ask(app, "POST", f"/api/unsubscribe/{token}")) == (404, "not_found")
    assert may(ada)


def test_another_address_must_be_confirmed_before_marketing_goes_to_it(people: People) -> None:
    ada = wants_offers(people)
    ada.ask("PATCH", "/api/users/me", {"email": "other@example.com", "current_password": PASSWORD})
    assert not may(ada)
    verified(ada)
    assert may(ada)
    with db.transaction() as session:
        suppressions.add(session, [hashed("other@example.com")], Reason.COMPLAINT)
    assert not may(ada)


def test_staff_suppress_an_address_and_free_it_again(people: People, sam: Person) -> None:
    ada = wants_offers(people)
    wish = {"email": ada.email.upper(), "detail": "called us"}
    made = sam.post("/api/suppressions", wish)
    assert (made.status_code, made.json["reason"], made.json["detail"]) == (201, "staff", "called us")
    assert sam.post("/api/suppressions", wish).json["id"] == made.json["id"]
    assert not may(ada)
    assert [row["id"] for row in sam.get(f"/api/suppressions?email={ada.email}").json["items"]] == [made.json["id"]]
    assert sam.get("/api/suppressions?email=nobody@example.com").json == {"items": [], "next": None}
    assert problem(ada.get("/api/suppressions")) == (403, "forbidden")
    assert problem(sam.post("/api/suppressions", {"email": ada.email, "reason": "bounce"})) == (
        422,
        "validation_failed",
    )
    assert sam.ask("DELETE", f"/api/suppressions/{made.json['id']}").status_code == 204
    assert problem(sam.ask("DELETE", f"/api/suppressions/{made.json['id']}")) == (404, "not_found")
    assert may(ada)


@pytest.mark.parametrize(
    ("header", "language"), [("de-AT,de;q=0.9", "de"), ("fr", "en"), ("fr,de;q=0.5,en;q=0.4", "de"), ("\x7f;;", "en")]
)
def test_who_registers_is_written_to_in_the_language_of_their_browser(app: Flask, header: str, language: str) -> None:
    body = {"email": "a@example.com", "password": PASSWORD, "name": "Ada"}
    assert post(app, "/api/users", body, **{"Accept-Language": header}).status_code == 201
    with db.reading() as session:
        assert session.scalars(select(UserRow.language)).all() == [language]
