"""Who is told what, in which language, how often; what staff send, and send again (P10)."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update
from structlog.testing import capture_logs

import db
import gateways.channels.email
from config import settings
from db.functions import in_seconds
from db.schema import new_id
from doctor.notifications import told_once
from engine import Hold
from engine.outcomes import Refused, TryAgain
from engine.tables import RunRow
from gateways.mail import Mail
from shop.accounts import email_addresses
from shop.consent import suppressions
from shop.consent.suppressions import Reason, SuppressionRow
from shop.notifications import outbox
from shop.notifications.outbox import NotificationRow
from shop.webhooks import deliveries
from tests.api.bank import Bank, deliver, event
from tests.api.catalogue_data import (
    count,
    credit,
    guests_cart,
    guests_order,
    order,
    order_by,
    paid,
    put_on_shelf,
    shipped,
    wish,
)
from tests.api.clients import People, Person, ask, problem
from tests.api.inline_worker import drive
from tests.api.staff_view import give_back
from tests.fixtures import Configure

PATH = "/api/notifications"


@pytest.fixture(autouse=True)
def _goods(app: Flask, bank: Bank) -> None:
    put_on_shelf("CHAIR", on_hand=9)


def told(person: Person, query: str = "") -> list[dict[str, Any]]:
    answer = person.get(f"{PATH}?{query}")
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json["items"]
    return items


def job_of(staff: Person, id: str) -> str:
    """Of the run that hands this notification over."""
    jobs = staff.get("/api/jobs?limit=100").json["items"]
    return next(str(job["id"]) for job in jobs if job["subject"]["id"] == id)


def delivered(staff: Person, event: str) -> dict[str, Any]:
    """The newest of this kind is handed over; how it stands then."""
    newest = told(staff, f"event={event}")[0]
    assert newest["status"] == "queued"
    assert drive(job_of(staff, newest["id"])) == "succeeded"
    return told(staff, f"event={event}")[0]


def time_passes() -> None:
    """Whoever has put something off takes it up again."""
    with db.transaction() as session:
        session.execute(update(RunRow).where(RunRow.hold == Hold.BACKOFF).values(hold=Hold.NONE))


# --- in whose language ------------------------------------------------------------------------------------------


def test_mails_are_in_the_language_of_the_account_else_of_the_request(
    app: Flask, ada: Person, sent: list[Mail]
) -> None:
    assert ada.ask("PATCH", "/api/users/me", {"language": "fr"}).status_code == 422
    assert ada.ask("PATCH", "/api/users/me", {"language": "de-AT"}).json["language"] == "de-AT"
    drive(order(ada, Accept_Language="en")["job"]["id"])
    body = wish(guests_cart(app)) | {"email": "guest@example.com"}
    guests = ask(app, "POST", "/api/orders", body, {"Accept-Language": "fr, de-CH;q=0.9, en;q=0.5"}).json
    drive(guests["job"]["id"])
    english = guests_order(app, guests_cart(app)).json
    drive(english["job"]["id"])
    austrian, german, plain = sent
    assert "Summe: €\xa024,89" in austrian.text
    assert "Summe: 24,89\xa0€" in german.text
    assert f"Ihre Bestellung {guests['order']['number']} ist bestätigt" == german.subject
    assert "Total: €24.89" in plain.text
    assert guests["order_token"] in german.text


# --- what happens to an order -----------------------------------------------------------------------------------


def test_a_parcel_is_told_of_once_it_has_left(ada: Person, sam: Person, sent: list[Mail]) -> None:
    id = paid(ada)
    where = f"/api/orders/{id}/fulfilments"
    parcel = sam.post(where, {"carrier": "DHL", "tracking": "JD0001"}).json["id"]
    assert told(ada, "event=order_shipped") == []
    assert sam.ask("PATCH", f"{where}/{parcel}", {"status": "shipped"}).status_code == 200
    assert sam.ask("PATCH", f"{where}/{parcel}", {"tracking": "JD0002"}).status_code == 200
    row = delivered(sam, "order_shipped")
    assert (row["status"], row["attempts"], row["detail"]) == ("sent", 1, "The mail server answered 250.")
    assert (row["subject_id"], row["recipient"]) == (id, ada.email)
    assert ["1 x Chair Plain" in sent[-1].text, "JD0002" in sent[-1].text, sent[-1].to] == [True, True, ada.email]
    sam.ask("PATCH", f"{where}/{parcel}", {"status": "delivered"})
    assert len(told(ada, "event=order_shipped")) == 1
    assert [(one["id"], "asked_by" in one) for one in told(ada, "event=order_shipped")] == [(row["id"], False)]


def test_a_return_is_told_of_when_it_is_here_and_when_the_money_is_back(
    ada: Person, sam: Person, sent: list[Mail]
) -> None:
    id = paid(ada, quantity=2)
    shipped(sam, id)
    asked = ada.post(f"/api/orders/{id}/returns", {"lines": [{"sku": "CHAIR", "quantity": 1}]}).json["return"]["id"]
    job = sam.post(f"/api/orders/{id}/returns/{asked}/receive", {}).json["job"]["id"]
    assert delivered(sam, "return_received")["status"] == "sent"
    assert drive(job) == "succeeded"
    received, refunded = sent[-2:]
    assert "1 x Chair Plain" in received.text
    assert "We gave €19.99 of your order" in refunded.text
    assert [row["status"] for row in told(ada, "event=refunded")] == ["sent"]


def test_who_answers_the_bank_in_time_is_not_asked_to(
    app: Flask, ada: Person, sam: Person, bank: Bank, sent: list[Mail], configure: Configure
) -> None:
    quick, slow = order(ada, token="tok_3ds"), order(ada, token="tok_3ds")
    for placed in (quick, slow):
        assert drive(placed["job"]["id"]) == "waiting"
    rows = told(sam, "event=payment_action&status=queued")
    jobs = {row["subject_id"]: job_of(sam, row["id"]) for row in rows}
    assert drive(jobs[slow["order"]["id"]]) == "running", "it waits for a while"
    assert sent == []
    deliver(app, event(quick["order"]["id"], bank.approve(quick["order"]["id"])))
    assert drive(quick["job"]["id"]) == "succeeded"
    configure(PAYMENT_REMINDER_SECONDS="0")
    time_passes()
    assert [drive(jobs[placed["order"]["id"]]) for placed in (quick, slow)] == ["succeeded"] * 2
    ends = {row["subject_id"]: row["status"] for row in told(sam, "event=payment_action")}
    assert ends == {quick["order"]["id"]: "outdated", slow["order"]["id"]: "sent"}
    assert "asks you to confirm the payment of €24.89" in sent[-1].text
    assert sent[-1].subject == f"Your order {slow['order']['number']} waits for your payment"


def test_whoever_has_time_to_pay_after_a_declined_card_is_reminded_of_it(
    ada: Person, sam: Person, bank: Bank, sent: list[Mail], configure: Configure
) -> None:
    configure(PAYMENT_RETRY_MINUTES="20", PAYMENT_REMINDER_SECONDS="0")
    placed = order(ada, token="tok_declined")
    assert drive(placed["job"]["id"]) == "waiting"
    assert delivered(sam, "payment_action")["status"] == "sent"
    assert "Your card was declined. Please pay €24.89 with another card" in sent[-1].text


def test_who_pays_by_transfer_is_told_how_at_once(ada: Person, sam: Person, sent: list[Mail]) -> None:
    placed = order_by(ada, "bank_transfer")
    assert drive(placed["job"]["id"]) == "waiting"
    assert delivered(sam, "payment_action")["status"] == "sent"
    assert (
        f"Please transfer €24.89 to {settings().transfer_account} and name {placed['order']['number']}" in sent[-1].text
    )


def test_who_was_asked_to_pay_and_did_not_is_told_that_the_order_is_closed(
    ada: Person, sam: Person, sent: list[Mail]
) -> None:
    expires, called_off, unasked = (order_by(ada, "bank_transfer") for _ in range(3))
    for placed in (expires, called_off, unasked):
        assert drive(placed["job"]["id"]) == "waiting"
    for row in told(sam, "event=payment_action"):
        if row["subject_id"] != unasked["order"]["id"]:
            assert drive(job_of(sam, row["id"])) == "succeeded"
    assert ada.post(f"/api/orders/{called_off['order']['id']}/cancel").status_code == 202
    with db.transaction() as session:
        session.execute(
            update(RunRow).where(RunRow.hold == Hold.WAIT).values(hold=Hold.NONE, wait_until=in_seconds(-1.0))
        )
    assert [drive(placed["job"]["id"]) for placed in (expires, called_off, unasked)] == ["failed"] * 3
    row = delivered(sam, "order_expired")
    assert (row["subject_id"], row["status"]) == (expires["order"]["id"], "sent")
    assert f"Your order {expires['order']['number']} was not paid for in time" in sent[-1].text
    assert len(told(sam, "event=order_expired")) == 1


def test_who_had_not_paid_yet_is_not_told_of_money_that_goes_back(ada: Person, sent: list[Mail]) -> None:
    placed = order_by(ada, "cash_on_delivery")
    for id in (placed["order"]["id"], paid(ada)):
        drive(placed["job"]["id"])
        assert drive(ada.post(f"/api/orders/{id}/cancel").json["job"]["id"]) == "succeeded"
    unpaid, returned = [mail.text for mail in sent if "cancelled" in mail.subject]
    assert ("You owe nothing for it." in unpaid, "goes back" in unpaid) == (True, False)
    assert "What you paid for it goes back to you." in returned


def test_who_paid_with_store_credit_is_told_that_it_came_back_as_such(
    ada: Person, sam: Person, sent: list[Mail]
) -> None:
    credit(sam, ada, 3000)
    placed = order_by(ada, "wallet")
    assert drive(placed["job"]["id"]) == "succeeded"
    assert drive(give_back(sam, placed["order"]["id"], 500)) == "succeeded"
    assert "We gave you €5.00 of your order" in sent[-1].text
    assert "back as store credit." in sent[-1].text


# --- what the mail server says ----------------------------------------------------------------------------------


class Moody:
    """Says what it is told to say."""

    def __init__(self) -> None:
        self.answers: list[Exception] = []
        self.mails: list[Mail] = []

    def send(self, mail: Mail) -> None:
        if self.answers:
            raise self.answers.pop(0)
        self.mails.append(mail)


@pytest.fixture
def moody(monkeypatch: pytest.MonkeyPatch) -> Moody:
    found = Moody()
    monkeypatch.setattr(gateways.channels.email, "mailer", lambda: found)
    return found


def test_what_is_put_off_is_tried_again_and_what_bounced_never(ada: Person, sam: Person, moody: Moody) -> None:
    moody.answers = [TryAgain("mail_deferred", "The mail server answered 451.", after=0.0)]
    job = order(ada)["job"]["id"]
    drive(job, steps=4)
    [row] = told(ada, "event=order_confirmed")
    assert (row["status"], row["attempts"], row["detail"]) == ("sending", 1, "The mail server answered 451.")
    time_passes()
    assert drive(job) == "succeeded"
    [row] = told(ada, "event=order_confirmed")
    assert (row["status"], row["attempts"], row["detail"]) == ("sent", 2, "The mail server answered 250.")
    assert len(moody.mails) == 1

    moody.answers = [Refused("mail_rejected", "The mail server answered 554.")]
    paid(ada)
    assert count(SuppressionRow) == 0, "it did not like the message: the mailbox may be well"
    moody.answers = [Refused("mail_refused", "The mail server answered 550.")]
    paid(ada)
    id = paid(ada)
    states = [row["status"] for row in told(ada, "event=order_confirmed")]
    assert states == ["suppressed", "refused", "refused", "sent"]
    shipped(sam, id)
    row = delivered(sam, "order_shipped")
    assert (row["status"], row["attempts"], len(moody.mails)) == ("suppressed", 0, 1)
    [blocked] = sam.get(f"/api/suppressions?email={ada.email}").json["items"]
    assert blocked["reason"] == "bounce"
    sam.ask("DELETE", f"/api/suppressions/{blocked['id']}")
    again = sam.post(f"{PATH}/{row['id']}/resend").json
    assert drive(again["job"]["id"]) == "succeeded"
    assert (told(sam, "event=order_shipped")[0]["status"], len(moody.mails)) == ("sent", 2)


def test_marketing_alone_stops_at_the_other_reasons(ada: Person, moody: Moody) -> None:
    with db.transaction() as session:
        for reason in (Reason.COMPLAINT, Reason.UNSUBSCRIBE, Reason.STAFF):
            suppressions.add(session, [email_addresses.hashed(ada.email)], reason)
    paid(ada)
    assert [mail.to for mail in moody.mails] == [ada.email]


# --- what staff send --------------------------------------------------------------------------------------------


def test_staff_write_to_an_account_or_to_an_address(ada: Person, sam: Person, sent: list[Mail]) -> None:
    ada.ask("PATCH", "/api/users/me", {"language": "de"})
    words = {"subject": "About your question", "text": "It is <b>here</b> again.\n\nSam"}
    key = {"Idempotency-Key": "k1"}
    first, second = (sam.post(PATH, {"user_id": ada.id} | words, **key) for _ in range(2))
    assert (first.status_code, first.json) == (202, second.json)
    assert first.headers["Location"] == f"/api/jobs/{first.json['job']['id']}"
    assert (first.json["notification"]["status"], first.json["notification"]["asked_by"]) == ("queued", sam.id)
    stranger = sam.post(PATH, {"email": "Zoe@example.com", "language": "en"} | words)
    known = sam.post(PATH, {"email": ada.email.upper()} | words)
    by_phone = sam.post(PATH, {"user_id": ada.id, "channel": "sms"} | words)
    with capture_logs() as logged:
        for answer in (first, stranger, known, by_phone):
            assert drive(answer.json["job"]["id"]) == "succeeded"
    assert [mail.to for mail in sent] == [ada.email, "zoe@example.com", ada.email]
    assert [mail.text.split(",")[0] for mail in sent] == ["Guten Tag Ada", "Good day", "Guten Tag Ada"]
    assert {mail.subject for mail in sent} == {"About your question"}
    assert "&lt;b&gt;here" in str(sent[0].html)
    assert [row["channel"] for row in told(ada, "event=message")] == ["sms", "email", "email"]
    last = told(ada, "channel=sms")[0]
    assert (last["recipient"], last["status"], last["detail"]) == (ada.id, "sent", "It was told to the console.")
    [line] = [entry for entry in logged if entry.get("channel")]
    assert (line["channel"], line["notification"]) == ("sms", last["id"])
    assert "question" not in repr(logged)
    assert "message" in [one["event"] for one in ada.get("/api/users/me/export").json["notifications"]]


def test_a_channel_that_nobody_carries_is_refused_where_it_matters(
    ada: Person, sam: Person, configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = {"user_id": ada.id, "channel": "push", "subject": "x", "text": "x"}
    job = sam.post(PATH, body).json["job"]["id"]
    configure(ORDERWAVE_ENV="production", **dict.fromkeys(("JWT_SECRET", "BANK_KEY"), "x" * 32),
              BANK_WEBHOOK_SECRET="x" * 32)  # fmt: skip
    assert drive(job) == "succeeded"
    with db.reading() as session:
        [row] = session.scalars(select(NotificationRow).where(NotificationRow.channel == "push"))
    assert (row.state, row.detail) == ("refused", "Nobody carries messages by push here.")


NONSENSE: list[tuple[dict[str, Any], str]] = [
    ({}, "user_id"),
    ({"email": "a@example.com", "user_id": new_id(), "subject": "x", "text": "x"}, "user_id"),
    ({"email": "a@example.com"}, "template"),
    ({"email": "a@example.com", "subject": "x"}, "template"),
    ({"email": "a@example.com", "subject": "x", "text": "x", "template": "verify_email"}, "template"),
    ({"email": "a@example.com", "template": "verify_email"}, "user_id"),
    ({"email": "a@example.com", "template": "webhook_disabled"}, "template"),
    ({"email": "a@example.com", "subject": "x\nBcc: eve@example.com", "text": "x"}, "subject"),
    ({"email": "a@example.com", "subject": "x", "text": "x", "channel": "sms"}, "channel"),
    ({"email": "a@example.com", "subject": "x", "text": "x", "channel": "pigeon"}, "channel"),
    ({"email": "a@example.com", "subject": "x", "text": "x", "language": "fr"}, "language"),
    ({"user_id": new_id(), "template": "order_confirmed"}, "order_id"),
    ({"order_id": new_id(), "template": "order_confirmed"}, "order_id"),
    ({"order_id": new_id(), "subject": "x", "text": "x"}, "order_id"),
    ({"user_id": new_id(), "template": "password_reset"}, "user_id"),
]


def test_a_wish_that_makes_no_sense_tells_nobody(sam: Person) -> None:
    before = count(NotificationRow)
    for body, field in NONSENSE:
        answer = sam.post(PATH, body)
        assert problem(answer) == (422, "validation_failed"), body
        assert field in answer.json["errors"], body
    assert count(NotificationRow) == before


def test_a_template_about_an_order_must_be_true_of_it(ada: Person, sam: Person, sent: list[Mail]) -> None:
    id = paid(ada)
    before = count(NotificationRow)
    assert problem(sam.post(PATH, {"order_id": id, "template": "order_cancelled"})) == (409, "illegal_state")
    assert count(NotificationRow) == before
    drive(sam.post(PATH, {"order_id": id, "template": "order_confirmed"}).json["job"]["id"])
    drive(sam.post(PATH, {"user_id": ada.id, "template": "password_reset"}).json["job"]["id"])
    assert "/account/reset-password#token=" in sent[-1].text
    assert [mail.to for mail in sent] == [ada.email] * 3
    assert len({mail.message_id for mail in sent}) == 3
    with db.reading() as session:
        rows = [repr(vars(row)) for row in session.scalars(select(NotificationRow))]
    assert not [row for row in rows if "token" in row]


def test_administrators_are_told_that_an_endpoint_was_disabled(
    people: People, sam: Person, sent: list[Mail], configure: Configure
) -> None:
    configure(WEBHOOKS_ALLOW_PRIVATE="true")
    root, other = people.join("Root", role="admin"), people.join("Rita", role="admin")
    body = {"url": "http://127.0.0.1:9/hook", "events": ["stock.low"]}
    endpoint = root.post("/api/webhook-endpoints", body).json["id"]
    for _ in range(2):
        with db.transaction() as session:
            deliveries.disable(session, endpoint, deliveries.FAILING)
    rows = told(sam, "event=webhook_disabled")
    assert {row["recipient"] for row in rows} == {root.email, other.email}
    hers = next(row for row in rows if row["recipient"] == root.email)
    assert drive(job_of(sam, hers["id"])) == "succeeded"
    assert "Nothing could be delivered to http://127.0.0.1:9/hook for a day" in sent[0].text
    assert root.ask("PATCH", f"/api/webhook-endpoints/{endpoint}", {"enabled": True}).status_code == 200
    assert problem(sam.post(f"{PATH}/{hers['id']}/resend")) == (409, "illegal_state")


# --- once more --------------------------------------------------------------------------------------------------


def test_a_resend_is_another_event_to_the_address_of_today(ada: Person, sam: Person, sent: list[Mail]) -> None:
    id = paid(ada)
    [first] = told(sam, f"subject_id={id}")
    with db.transaction() as session:
        session.execute(update(NotificationRow).where(NotificationRow.id == first["id"]).values(state="refused"))
    again = sam.post(f"{PATH}/{first['id']}/resend").json
    assert problem(sam.post(f"{PATH}/{again['notification']['id']}/resend")) == (409, "illegal_state")
    assert (drive(again["job"]["id"]), len(sent)) == ("succeeded", 2)
    assert sent[0].message_id != sent[1].message_id
    assert sent[0].text == sent[1].text
    newest, oldest = told(sam, f"subject_id={id}")
    assert (newest["resend_of"], newest["asked_by"], newest["event"]) == (first["id"], sam.id, "order_confirmed")
    assert (oldest["status"], oldest["resend_of"], oldest["asked_by"]) == ("refused", None, None)
    assert ada.post(f"{PATH}/{first['id']}/resend").status_code == 403
    assert problem(sam.post(f"{PATH}/{new_id()}/resend")) == (404, "not_found")
    drive(ada.post(f"/api/orders/{id}/cancel").json["job"]["id"])
    assert problem(sam.post(f"{PATH}/{first['id']}/resend")) == (409, "illegal_state")
    with db.reading() as session:
        assert list(told_once(session)) == []
        session.execute(update(NotificationRow).where(NotificationRow.resend_of.is_not(None)).values(asked_by=None))
        assert "was sent again by nobody" in "".join(told_once(session))
        session.rollback()


def test_lists_are_narrowed_down(ada: Person, people: People, sam: Person, sent: list[Mail]) -> None:
    bob, id = people.join("Bob"), paid(ada)
    paid(bob)
    assert {row["recipient"] for row in told(sam, "event=order_confirmed")} == {ada.email, bob.email}
    for query in (f"customer={ada.id}", f"recipient={ada.email}", f"subject_id={id}"):
        assert {row["recipient"] for row in told(sam, query)} == {ada.email}, query
        assert told(bob, query) == [], query
    assert told(sam, "status=failed") == told(sam, "channel=push") == told(sam, "event=order") == []
    for wrong in ("status=lost", "channel=pigeon", "customer=1", "event="):
        assert sam.get(f"{PATH}?{wrong}").status_code == 422, wrong


# --- the templates ----------------------------------------------------------------------------------------------


def test_staff_look_at_every_letter(sam: Person, ada: Person) -> None:
    names = [one["name"] for one in sam.get(f"{PATH}/templates").json["items"]]
    assert {"order_confirmed", "order_shipped", "password_reset", "refunded", "webhook_disabled"} <= set(names)
    for name in names:
        answer = sam.get(f"{PATH}/templates/{name}/preview?language=de")
        assert (answer.status_code, answer.mimetype) == (200, "text/html")
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none';")
        assert policy.endswith("sandbox")
        assert "Guten Tag Casey Customer," in answer.text
    text = sam.get(f"{PATH}/templates/order_confirmed/preview?format=text")
    assert (text.mimetype, text.text.split("\n")[0]) == ("text/plain", "Your order K7QX2M9WPT is confirmed")
    assert sam.get(f"{PATH}/templates/layout/preview").status_code == 404
    assert sam.get(f"{PATH}/templates/refunded/preview?language=xx").status_code == 422
    assert ada.get(f"{PATH}/templates").status_code == 403


# --- forgetting -------------------------------------------------------------------------------------------------


def test_old_rows_are_forgotten_and_open_ones_are_not(ada: Person, sam: Person, sent: list[Mail]) -> None:
    shipped(sam, paid(ada))
    with db.transaction() as session:
        session.execute(update(NotificationRow).values(created_at=in_seconds(-401 * 86400.0)))
    paid(ada)
    with db.transaction() as session:
        assert outbox.prune(session, 400) == 1
    assert [row["event"] for row in told(ada)] == ["order_confirmed", "order_shipped"]


def test_who_leaves_takes_their_messages_with_them(ada: Person, sam: Person, sent: list[Mail]) -> None:
    drive(sam.post(PATH, {"user_id": ada.id, "subject": "x", "text": "secret"}).json["job"]["id"])
    assert count(NotificationRow, NotificationRow.subject_id == ada.id) == 1
    assert ada.ask("DELETE", "/api/users/me").status_code == 204
    assert count(NotificationRow, NotificationRow.subject_id == ada.id) == 0
