"""Campaigns over HTTP, their sending done by the engine in this process: who gets a mail, who does not, and why."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, update

import db
import gateways.channels.email
import tasks.campaigns.sending
import tasks.maintenance
from db.functions import in_seconds
from db.schema import new_id
from db.statements import table_of
from shop.campaigns import audience
from shop.campaigns.tables import CampaignRow, CampaignRunRow
from shop.consent import consents, eligibility
from shop.pricing.offers import OfferRow
from tests.api.catalogue_data import count
from tests.api.clients import People, Person, problem
from tests.api.mailing_list import OFFERS, Postman, campaign, fates, sent_now, willing, work_off
from tests.api.offers import coupon

PATH = "/api/campaigns"


@pytest.fixture
def postman(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Postman:
    found = Postman()
    monkeypatch.setattr(tasks.campaigns.sending, "mailer", lambda: found)
    monkeypatch.setattr(gateways.channels.email, "mailer", Postman)  # of other mails: all wait if it is away
    return found


def look(sam: Person, id: str) -> dict[str, Any]:
    body: dict[str, Any] = sam.get(f"{PATH}/{id}").json
    return body


# --- sending ---------------------------------------------------------------------------------------------


def test_everybody_in_the_segment_who_wants_it_gets_one_mail(sam: Person, postman: Postman) -> None:
    willing("ada", "ben", tags=["vip"])
    willing("cleo")  # without the tag
    [dora] = willing("dora", tags=["vip"])
    with db.transaction() as session:
        consents.say(session, dora, dict.fromkeys(OFFERS, False), "test")
    id = campaign(sam, segment={"tag": "vip"})
    sent_now(sam, id)
    work_off()
    assert postman.told == ["ada@example.com", "ben@example.com"]
    assert len({mail.message_id for mail in postman.mails}) == 2
    [told, _] = postman.mails
    assert (told.subject, told.text.split("\n")[0]) == ("Hi Ada", "Use nothing.")
    assert told.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    body = look(sam, id)
    assert body["status"] == "finished"
    [shown] = body["runs"]
    assert (shown["status"], shown["audience"], shown["recipients"]["sent"]) == ("done", 2, 2)
    job = sam.get(f"/api/jobs/{shown['job_id']}").json
    assert (job["status"], job["result"]["sent"]) == ("succeeded", 2)


def test_a_late_no_wins_over_a_frozen_audience(sam: Person, postman: Postman) -> None:
    ada, ben = willing("ada", "ben")
    run = sent_now(sam, campaign(sam))
    work_off(turns=1)  # the audience is frozen
    with db.transaction() as session:
        consents.say(session, ben, dict.fromkeys(OFFERS, False), "unsubscribe link")
    willing("cleo")  # comes too late to be meant
    work_off()
    assert postman.told == ["ada@example.com"]
    assert fates(run["id"]) == {ada: "sent", ben: "skipped"}


def test_the_audience_is_frozen_page_by_page(sam: Person, postman: Postman, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audience, "PAGE", 2)
    willing("a", "b", "c", "d", "e")
    id = campaign(sam)
    sent_now(sam, id)
    work_off(turns=1)
    assert look(sam, id)["runs"][0]["audience"] == 2
    work_off()
    assert look(sam, id)["runs"][0]["audience"] == 5
    assert len(postman.mails) == 5


def test_refused_is_suppressed_put_off_is_tried_again_and_silence_repeats_the_same_mail(
    sam: Person, postman: Postman
) -> None:
    bounce, later_, silent, _ = willing("bounce", "later", "silent", "ok")
    run = sent_now(sam, campaign(sam))
    work_off()
    assert fates(run["id"]) == {bounce: "failed", later_: "sent", silent: "sent", _: "sent"}
    assert postman.told == ["later@example.com", "ok@example.com", *["silent@example.com"] * 2]
    assert len({mail.message_id for mail in postman.mails}) == 3
    with db.reading() as session:
        assert not eligibility.may_send(session, bounce, "offers")
    rows = {row["email"]: row for row in sam.get(f"{PATH}/{_campaign_of(run)}/recipients").json["items"]}
    assert rows["later@example.com"]["attempts"] == 2
    assert rows["bounce@example.com"]["detail"] == "The mail server answered 550."


def _campaign_of(run: dict[str, Any]) -> str:
    with db.reading() as session:
        return session.get_one(CampaignRunRow, run["id"]).campaign_id


def test_a_mail_server_that_is_away_delays_and_loses_nobody(sam: Person, postman: Postman) -> None:
    willing("ada", "ben")
    run = sent_now(sam, campaign(sam))
    postman.away = True
    work_off(turns=6)
    assert (postman.told, set(fates(run["id"]).values())) == ([], {"sending"})
    postman.away = False
    work_off()
    assert postman.told == ["ada@example.com", "ben@example.com"]


def test_a_pause_in_the_middle_of_a_batch_loses_and_doubles_nobody(sam: Person, postman: Postman) -> None:
    people = willing(*(f"p{number}" for number in range(40)))
    id = campaign(sam)
    run = sent_now(sam, id)
    postman.meanwhile = lambda: len(postman.mails) == 5 and sam.post(f"{PATH}/{id}/pause")
    work_off()
    assert len(postman.mails) == 8  # the handful that was under way
    assert sorted(fates(run["id"]).values()) == ["sent"] * 8 + ["waiting"] * 32
    assert look(sam, id)["status"] == "paused"
    assert problem(sam.post(f"{PATH}/{id}/pause")) == (409, "campaign_state")
    assert sam.post(f"{PATH}/{id}/resume").status_code == 200
    work_off()
    assert len({mail.to for mail in postman.mails}) == len(postman.mails) == len(people)
    assert look(sam, id)["status"] == "finished"


def test_a_cancel_is_for_good(sam: Person, postman: Postman) -> None:
    willing(*(f"p{number}" for number in range(20)))
    id = campaign(sam)
    run = sent_now(sam, id)
    postman.meanwhile = lambda: len(postman.mails) == 3 and sam.post(f"{PATH}/{id}/cancel")
    work_off()
    body = look(sam, id)
    assert (body["status"], body["runs"][0]["status"]) == ("cancelled", "cancelled")
    assert len(postman.mails) == 4
    assert problem(sam.post(f"{PATH}/{id}/resume")) == (409, "campaign_state")
    assert sam.get(f"/api/jobs/{run['job_id']}").json["status"] in ("failed", "succeeded")


@pytest.mark.parametrize("wish", [{}, {"now": True}])
def test_a_cancelled_campaign_is_not_started_again(sam: Person, postman: Postman, wish: dict[str, Any]) -> None:
    willing("ada")
    id = campaign(sam, schedule={"cron": "0 9 * * MON"})
    assert sam.post(f"{PATH}/{id}/schedule", {}).json["status"] == "scheduled"
    assert sam.post(f"{PATH}/{id}/cancel").json["status"] == "cancelled"
    assert problem(sam.post(f"{PATH}/{id}/schedule", wish)) == (409, "campaign_state")
    work_off()
    body = look(sam, id)
    assert (body["status"], body["runs"], postman.mails) == ("cancelled", [], [])


def test_each_may_have_a_coupon_of_their_own(sam: Person, postman: Postman) -> None:
    coupon("SPRING", percent=20)
    willing("ada", "ben")
    id = campaign(sam, coupon={"code": "spring", "personal": True})
    sent_now(sam, id)
    work_off()
    codes = [mail.text.split()[1].rstrip(".") for mail in postman.mails]
    assert len(set(codes)) == 2
    assert all(code.startswith("SPRING-") and len(code) == 19 for code in codes)
    with db.reading() as session:
        copies = session.scalars(select(OfferRow).where(OfferRow.code.in_(codes))).all()
        assert {(row.percent, row.total_limit, row.per_customer, row.uses) for row in copies} == {(2000, 1, 1, 0)}
    rows = sam.get(f"{PATH}/{id}/recipients").json["items"]
    assert sorted(row["coupon"] for row in rows) == sorted(codes)


def test_a_copy_of_a_coupon_in_another_currency_is_in_that_one(sam: Person, postman: Postman) -> None:
    five = {"amount": 500, "currency": "USD"}
    assert (
        sam.post("/api/coupons", {"code": "FIVE", "name": "Five", "kind": "fixed", "amount": five}).status_code == 201
    )
    willing("ada")
    id = campaign(sam, coupon={"code": "FIVE", "personal": True})
    sent_now(sam, id)
    work_off()
    [row] = sam.get(f"{PATH}/{id}/recipients").json["items"]
    copy = sam.get(f"/api/coupons/{row['coupon']}").json
    assert (copy["amount"], copy["minimum"]) == (five, {"amount": 0, "currency": "USD"})


def test_a_copy_has_every_column_of_its_coupon_but_those_of_its_own(sam: Person, postman: Postman) -> None:
    """Also the next column that somebody adds: it is copied unless coupons.py says that it is the copy's own."""
    given: dict[str, Any] = {"buy": 2, "free": 1, "percent": 50, "category": "lights", "product_id": new_id()}
    given |= {"kind": "buy_x_get_y", "minimum": 3, "currency": "USD", "priority": 4, "stackable": False}
    given |= {"starts_at": datetime(2020, 1, 1, tzinfo=UTC), "ends_at": datetime(2099, 1, 1, tzinfo=UTC)}
    coupon("SPRING", **given, total_limit=7, per_customer=5, uses=2)
    willing("ada")
    sent_now(sam, campaign(sam, coupon={"code": "SPRING", "personal": True}))
    work_off()
    with db.reading() as session:
        copy, pattern = session.scalars(select(OfferRow).order_by(func.length(OfferRow.code).desc()))
        names = table_of(OfferRow).columns.keys()
        different = {name for name in names if getattr(copy, name) != getattr(pattern, name)}
        silent = {name for name in names if getattr(pattern, name) is None}
    assert different - {"created_at", "updated_at"} == {"id", "code", "total_limit", "per_customer", "uses"}
    assert silent == {"amount", "started_told_at", "ended_told_at"}, "all others say something that could be lost"


# --- the clock -------------------------------------------------------------------------------------------


def due(id: str, seconds_ago: float) -> None:
    """As if its time had come so long ago."""
    with db.transaction() as session:
        values = {"once_at": in_seconds(-seconds_ago), "next_at": in_seconds(-seconds_ago), "status": "scheduled"}
        session.execute(update(CampaignRow).where(CampaignRow.id == id).values(values))


def test_p11_two_clocks_start_a_campaign_once(sam: Person, postman: Postman) -> None:
    willing("ada")
    id = campaign(sam, schedule={"at": "2099-01-01T09:00:00Z"})
    assert sam.post(f"{PATH}/{id}/schedule", {}).json["next"] == ["2099-01-01T09:00:00.000Z"]
    tasks.maintenance.start_due_campaigns()
    assert look(sam, id)["runs"] == []
    due(id, 30)
    tasks.maintenance.start_due_campaigns()
    tasks.maintenance.start_due_campaigns()
    work_off()
    [run] = look(sam, id)["runs"]
    assert 30 <= run["lateness"] < 90
    assert postman.told == ["ada@example.com"]


@pytest.mark.parametrize(
    ("late", "hours_ago", "status"),
    [
        ({"policy": "send"}, 50, "freezing"),
        ({"policy": "skip"}, 1, "skipped"),
        ({"policy": "within", "hours": 2}, 1, "freezing"),
        ({"policy": "within", "hours": 2}, 3, "skipped"),
    ],
)
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_what_is_late_is_treated_by_its_policy(sam: Person, late: Any, hours_ago: int, status: str) -> None:
    id = campaign(sam, late=late)
    due(id, 3600 * hours_ago)
    tasks.maintenance.start_due_campaigns()
    body = look(sam, id)
    assert [run["status"] for run in body["runs"]] == [status]
    assert body["status"] == ("finished" if status == "skipped" else "scheduled")


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_run_that_is_still_under_way_is_not_overtaken_by_the_next(sam: Person, postman: Postman) -> None:
    willing("ada")
    id = campaign(sam)
    sent_now(sam, id)
    due(id, 1)
    tasks.maintenance.start_due_campaigns()
    work_off()
    assert {run["status"] for run in look(sam, id)["runs"]} == {"done", "skipped"}
    assert len(postman.mails) == 1


# --- what can not be written ------------------------------------------------------------------------------

ONLY_BEN = "{{% if first_name == 'Ben' %}}{}{{% endif %}}Hello"


@pytest.mark.parametrize("broken", ["{{ '\\ud800' }}", "{{ name < 3 }}", "{{ nobody }}"])
def test_a_letter_that_can_not_be_written_is_one_recipients_fate(sam: Person, postman: Postman, broken: str) -> None:
    """Saved before such templates were refused; others stand behind it."""
    ada, ben, cem = willing("ada", "ben", "cem")
    id = campaign(sam)
    overwrite(id, ONLY_BEN.format(broken))
    run = sent_now(sam, id)
    work_off()
    assert fates(run["id"]) == {ada: "sent", ben: "failed", cem: "sent"}
    assert postman.told == ["ada@example.com", "cem@example.com"]
    [failed] = sam.get(f"{PATH}/{id}/recipients?status=failed").json["items"]
    assert failed["detail"]
    assert look(sam, id)["runs"][0]["status"] == "done"
    assert sam.get("/api/suppressions?email=ben@example.com").json["items"] == []


def test_our_own_fault_in_a_letter_holds_up_nobody_either(
    sam: Person, postman: Postman, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, ben = willing("ada", "ben")
    written = tasks.campaigns.sending.rendering.written

    def faulty(said: Any, who: Any, coupon: Any) -> Any:
        if who.id == ada:
            raise RuntimeError("of our own")
        return written(said, who, coupon)

    monkeypatch.setattr(tasks.campaigns.sending.rendering, "written", faulty)
    id = campaign(sam)
    run = sent_now(sam, id)
    work_off()
    assert fates(run["id"]) == {ada: "failed", ben: "sent"}
    [failed] = sam.get(f"{PATH}/{id}/recipients?status=failed").json["items"]
    assert failed["detail"] == "It could not be written (RuntimeError)."


def test_a_trial_and_a_preview_of_it_say_why(sam: Person, postman: Postman) -> None:
    willing("ada")
    id = campaign(sam)
    overwrite(id, "{{ '\\ud800' }}")
    assert problem(sam.get(f"{PATH}/{id}/preview")) == (422, "validation_failed")
    job = sam.post(f"{PATH}/{id}/test").json["job"]["id"]
    work_off()
    told = sam.get(f"/api/jobs/{job}").json
    assert (told["status"], told["error"]["code"], postman.mails) == ("failed", "template_failed", [])


def overwrite(id: str, text: str) -> None:
    with db.transaction() as session:
        session.execute(update(CampaignRow).where(CampaignRow.id == id).values(text=text))


# --- at the desk -----------------------------------------------------------------------------------------

WRONG: list[tuple[dict[str, Any], str]] = [
    ({"subject": "a\r\nBcc: x@y.z"}, "subject"),
    ({"text": "{{ secret }}"}, "text"),
    ({"html": "{% for %}"}, "html"),
    ({"text": "{{ " + "9" * 5000 + " }}"}, "text"),
    ({"text": "{{ '\\ud800' }}"}, "text"),
    ({"subject": "{{ 'a' * 10**9 }}"}, "subject"),
    ({"html": "{% for a in range(10**9) %}{% endfor %}"}, "html"),
    ({"text": "{{ " + "(" * 3000 + ")" * 3000 + " }}"}, "text"),
    ({"schedule": {"cron": "² * * * *"}}, "schedule"),
    ({"schedule": {"cron": "* * * * " + "9" * 90}}, "schedule"),
    ({"segment": {"spent_at_least": 10**30}}, "segment"),
    ({"segment": {"last_order_before": 10**30}}, "segment"),
    ({"segment": {"sql": "1"}}, "segment"),
    ({"schedule": {"cron": "61 * * * *"}}, "schedule"),
    ({"schedule": {"cron": "* * * * *", "at": "2099-01-01T00:00:00Z"}}, "schedule"),
    ({"schedule": {}}, "schedule"),
    ({"time_zone": "Europe/Atlantis"}, "time_zone"),
    ({"time_zone": "../../etc/passwd"}, "time_zone"),
    ({"throttle_per_minute": 0}, "throttle_per_minute"),
    ({"quiet_hours": {"begin": "25:00", "end": "08:00"}}, "quiet_hours.begin"),
    ({"quiet_hours": {"begin": "08:00", "end": "08:00"}}, "quiet_hours"),
    ({"late": {"policy": "within"}}, "late"),
    ({"coupon": {"code": "NOTHING"}}, "coupon"),
    ({"topic": "orders"}, "topic"),
    ({"status": "finished"}, "status"),
]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_p14_nonsense_changes_nothing(sam: Person) -> None:
    id = campaign(sam)
    before = look(sam, id)
    for wrong, field in WRONG:
        made = sam.post(PATH, {"name": "x", "subject": "x", "text": "x"} | wrong)
        assert (problem(made), list(made.json["errors"])) == ((422, "validation_failed"), [field]), wrong
        changed = sam.ask("PATCH", f"{PATH}/{id}", wrong)
        assert (problem(changed), list(changed.json["errors"])) == ((422, "validation_failed"), [field]), wrong
    assert look(sam, id) == before
    assert count(CampaignRow) == 1


def test_a_campaign_is_written_changed_explained_and_taken_away(sam: Person) -> None:
    week = {"schedule": {"cron": "0 9 * * MON"}, "time_zone": "Europe/Berlin", "throttle_per_minute": 600}
    id = campaign(sam, **week, quiet_hours={"begin": "21:00", "end": "08:00"})
    body = look(sam, id)
    assert body["explained"] == "At 09:00 on Monday, by the clocks of Europe/Berlin"
    assert (body["status"], len(body["next"]), body["runs"]) == ("draft", 3, [])
    assert body["quiet_hours"] == {"begin": "21:00", "end": "08:00"}
    changed = sam.ask(
        "PATCH", f"{PATH}/{id}", {"throttle_per_minute": None, "quiet_hours": None, "schedule": None}
    ).json
    assert (changed["throttle_per_minute"], changed["quiet_hours"], changed["explained"]) == (
        None,
        None,
        "Not scheduled",
    )
    assert problem(sam.post(f"{PATH}/{id}/schedule", {}))[0] == 422
    assert [item["id"] for item in sam.get(PATH).json["items"]] == [id]
    assert sam.ask("DELETE", f"{PATH}/{id}").status_code == 204
    assert problem(sam.get(f"{PATH}/{id}")) == (404, "not_found")


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_while_it_is_sent_only_its_pace_can_be_changed_and_what_was_sent_stays(sam: Person, postman: Postman) -> None:
    willing("ada")
    id = campaign(sam)
    sent_now(sam, id)
    assert problem(sam.ask("PATCH", f"{PATH}/{id}", {"text": "other"})) == (409, "campaign_state")
    assert problem(sam.post(f"{PATH}/{id}/schedule", {"now": True})) == (409, "campaign_state")
    assert sam.ask("PATCH", f"{PATH}/{id}", {"throttle_per_minute": 10}).status_code == 200
    work_off()
    assert problem(sam.ask("DELETE", f"{PATH}/{id}")) == (409, "campaign_state")


def test_a_preview_counts_and_shows_and_sends_nothing(sam: Person, postman: Postman) -> None:
    _, ben = willing("ada", "ben")
    id = campaign(sam, html="<p>{{ name }}</p>")
    body = sam.get(f"{PATH}/{id}/preview").json
    assert (body["audience"], body["sample"]["to"], body["sample"]["subject"]) == (2, "ada@example.com", "Hi Ada")
    assert sam.get(f"{PATH}/{id}/preview?recipient={ben}").json["sample"]["html"].startswith("<p>Ben</p>")
    assert problem(sam.get(f"{PATH}/{id}/preview?recipient={sam.id}")) == (404, "not_found")
    assert (postman.mails, "unsubscribe#token=" in str(body)) == ([], False), "whoever clicks there says no for nobody"


def test_a_trial_goes_to_whoever_asks_for_it_and_to_nobody_else(sam: Person, postman: Postman) -> None:
    willing("ada")
    id = campaign(sam)
    answer = sam.post(f"{PATH}/{id}/test")
    assert answer.status_code == 202
    work_off()
    assert postman.told == [sam.email]
    assert sam.get(f"/api/jobs/{answer.json['job']['id']}").json["status"] == "succeeded"
    assert look(sam, id)["runs"] == []


def test_a_trial_of_a_campaign_that_was_deleted_meanwhile_is_refused(sam: Person, postman: Postman) -> None:
    gone, id = campaign(sam), campaign(sam)
    jobs = [sam.post(f"{PATH}/{one}/test").json["job"]["id"] for one in (gone, id)]
    assert sam.ask("DELETE", f"{PATH}/{gone}").status_code == 204
    work_off()
    refused, sent = (sam.get(f"/api/jobs/{job}").json for job in jobs)
    assert (refused["status"], refused["error"]["code"]) == ("failed", "campaign_deleted")
    assert (sent["status"], postman.told) == ("succeeded", [sam.email])


def test_recipients_are_told_page_by_page_and_by_status(sam: Person, postman: Postman) -> None:
    willing("a", "b", "bounce")
    id = campaign(sam)
    assert problem(sam.get(f"{PATH}/{id}/recipients")) == (404, "not_found")  # it has not run
    sent_now(sam, id)
    work_off()
    first = sam.get(f"{PATH}/{id}/recipients?limit=2").json
    rest = sam.get(f"{PATH}/{id}/recipients?limit=2&cursor={first['next']}").json
    told = [item["email"] for item in first["items"] + rest["items"]]
    assert (told, rest["next"]) == (["a@example.com", "b@example.com", "bounce@example.com"], None)
    [failed] = sam.get(f"{PATH}/{id}/recipients?status=failed").json["items"]
    assert failed["email"] == "bounce@example.com"


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_customers_have_no_business_here(people: People, sam: Person) -> None:
    id, eve = campaign(sam), people.join("Eve")
    for verb, path in (("GET", ""), ("POST", ""), ("GET", f"/{id}"), ("DELETE", f"/{id}"), ("POST", f"/{id}/cancel")):
        assert problem(eve.ask(verb, PATH + path, {} if verb == "POST" else None)) == (403, "forbidden")
