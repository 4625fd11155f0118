"""What the bank tells us: only if it is the bank, each event once, and never as a fact by itself."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

import db
from engine.tables import RunRow
from gateways.mail import Mail
from shop.payments import provider_events
from shop.payments.payments import PaymentRow, TransactionRow
from shop.payments.provider_events import WebhookEventRow
from tasks import maintenance
from tests.api.bank import HOOK, Bank, deliver, event, signed
from tests.api.catalogue_data import count, order, put_on_shelf, shelf
from tests.api.clients import People, Person, problem
from tests.api.inline_worker import drive


@pytest.fixture(autouse=True)
def _goods(bank: Bank) -> None:
    put_on_shelf("CHAIR", price=1999, on_hand=5)


@pytest.fixture
def waiting(people: People) -> dict[str, Any]:
    """An order whose shopper must confirm at the bank first."""
    placed = order(people.join(), token="tok_3ds")
    assert drive(placed["job"]["id"]) == "waiting"
    return placed


def events() -> list[tuple[str, str | None, bool]]:
    with db.reading() as session:
        rows = session.scalars(select(WebhookEventRow).order_by(WebhookEventRow.event_id))
        return [(row.event_id, row.order_id, row.handled_at is not None) for row in rows]


def test_a_confirmed_3ds_order_goes_on(app: Flask, waiting: dict[str, Any], bank: Bank, sent: list[Mail]) -> None:
    id = waiting["order"]["id"]
    answer = deliver(app, event(id, bank.approve(id)))
    assert (answer.status_code, answer.json) == (200, {"received": "evt_1", "repeated": False})
    assert drive(waiting["job"]["id"]) == "succeeded"
    assert (bank.taken(id), shelf(), len(sent)) == (2489, (4, 0), 1)
    assert events() == [("evt_1", id, True)]


def test_a_repeated_event_is_taken_once(app: Flask, waiting: dict[str, Any], bank: Bank, sent: list[Mail]) -> None:
    id = waiting["order"]["id"]
    told = event(id, bank.approve(id))
    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(lambda _: deliver(app, told), range(5)))
    assert [answer.status_code for answer in answers] == [200] * 5
    assert sorted(answer.json["repeated"] for answer in answers) == [False, True, True, True, True]
    drive(waiting["job"]["id"])
    assert deliver(app, told).json["repeated"] is True
    assert (len(events()), count(TransactionRow), len(sent)) == (1, 1, 1)


def test_an_event_alone_makes_nobody_pay(app: Flask, waiting: dict[str, Any], bank: Bank) -> None:
    id = waiting["order"]["id"]
    assert deliver(app, event(id, bank.charged[id], status="succeeded")).status_code == 200
    assert drive(waiting["job"]["id"]) == "waiting"
    assert (bank.taken(id), count(TransactionRow), shelf()) == (0, 0, (5, 1))


def test_an_event_for_another_amount_changes_no_amount(
    app: Flask, waiting: dict[str, Any], bank: Bank, sent: list[Mail]
) -> None:
    id = waiting["order"]["id"]
    deliver(app, event(id, bank.approve(id), amount=1, currency="JPY"))
    drive(waiting["job"]["id"])
    with db.reading() as session:
        payment = session.scalars(select(PaymentRow)).one()
    assert (payment.amount, payment.captured, payment.currency) == (2489, 2489, "EUR")


def test_an_event_before_the_charge_is_written_down_finds_its_order_by_reference(
    app: Flask, people: People, bank: Bank, sent: list[Mail]
) -> None:
    placed = order(people.join())
    id = placed["order"]["id"]
    assert deliver(app, event(id, "ch_of_which_nobody_here_knows")).status_code == 200
    assert events() == [("evt_1", id, True)]
    assert drive(placed["job"]["id"]) == "succeeded"
    assert (bank.taken(id), count(TransactionRow)) == (2489, 1)


def test_events_in_any_order_and_a_day_late_do_no_harm(
    app: Flask, waiting: dict[str, Any], bank: Bank, sent: list[Mail]
) -> None:
    id = waiting["order"]["id"]
    charge = bank.approve(id)
    deliver(app, event(id, charge, id="evt_2", created=86400))
    drive(waiting["job"]["id"])
    deliver(app, event(id, charge, id="evt_1", type="charge.requires_action", status="requires_action"))
    deliver(app, event(id, charge, id="evt_3", created=0))
    assert drive(waiting["job"]["id"]) == "succeeded"
    assert (events(), count(TransactionRow), len(sent)) == ([(f"evt_{n}", id, True) for n in (1, 2, 3)], 1, 1)


def problems(staff: Person, query: str = "") -> list[tuple[str, str | None]]:
    items = staff.get(f"/api/webhooks/events{query}").json["items"]
    return [(item["id"], item["problem"]) for item in items]


def test_an_event_for_another_amount_is_shown_to_staff(
    app: Flask, waiting: dict[str, Any], bank: Bank, people: People
) -> None:
    id, sam = waiting["order"]["id"], people.join("Sam", role="staff")
    deliver(app, event(id, bank.charged[id]))
    deliver(app, event(id, bank.charged[id], id="evt_2", amount=1))
    deliver(app, event(id, bank.charged[id], id="evt_3", currency="JPY"))
    assert problems(sam) == [("evt_3", "other_amount"), ("evt_2", "other_amount"), ("evt_1", None)]
    assert problem(people.join("Eve").get("/api/webhooks/events")) == (403, "forbidden")
    page = sam.get("/api/webhooks/events?limit=2").json
    assert [item["id"] for item in sam.get(f"/api/webhooks/events?limit=2&cursor={page['next']}").json["items"]] == [
        "evt_1"
    ]


def test_an_event_that_came_before_its_order_is_looked_at_again(
    app: Flask, waiting: dict[str, Any], bank: Bank, people: People, sent: list[Mail], monkeypatch: pytest.MonkeyPatch
) -> None:
    id, sam = waiting["order"]["id"], people.join("Sam", role="staff")
    with monkeypatch.context() as before:
        before.setattr(provider_events, "payment_of", lambda *_: None)
        deliver(app, event(id, bank.approve(id)))
    assert (problems(sam, "?problem=unknown_order"), drive(waiting["job"]["id"])) == (
        [("evt_1", "unknown_order")],
        "waiting",
    )
    maintenance.look_at_payments()
    assert (drive(waiting["job"]["id"]), events(), problems(sam)) == (
        "succeeded",
        [("evt_1", id, True)],
        [("evt_1", None)],
    )


def test_money_that_came_too_late_goes_back_also_when_its_event_came_before_its_order(
    app: Flask, waiting: dict[str, Any], bank: Bank, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    id, sam = waiting["order"]["id"], people.join("Sam", role="staff")
    with db.transaction() as session:
        session.execute(
            update(RunRow).where(RunRow.id == waiting["job"]["id"]).values(cancel_requested=True, hold="none")
        )
    assert drive(waiting["job"]["id"]) == "failed"
    with monkeypatch.context() as before:
        before.setattr(provider_events, "payment_of", lambda *_: None)
        deliver(app, event(id, bank.approve(id)))
    assert bank.taken(id) == 2489
    for _ in range(2):
        maintenance.look_at_payments()
    [job] = [job["id"] for job in sam.get("/api/jobs?workflow=verify_payment").json["items"]]
    assert (drive(job), bank.taken(id), count(TransactionRow, TransactionRow.kind == "refund")) == ("succeeded", 0, 1)


def test_a_payment_that_goes_through_a_day_after_its_order_was_given_up_goes_back_by_itself(
    app: Flask, waiting: dict[str, Any], bank: Bank, people: People
) -> None:
    id, sam = waiting["order"]["id"], people.join("Sam", role="staff")
    with db.transaction() as session:
        session.execute(
            update(RunRow).where(RunRow.id == waiting["job"]["id"]).values(cancel_requested=True, hold="none")
        )
    assert drive(waiting["job"]["id"]) == "failed"
    charge = bank.approve(id)
    for _ in range(2):
        deliver(app, event(id, charge))
    deliver(app, event(id, charge, id="evt_2", created=86400))
    jobs = [job["id"] for job in sam.get("/api/jobs?workflow=verify_payment").json["items"]]
    assert problems(sam, "?problem=too_late") == [("evt_2", "too_late"), ("evt_1", "too_late")]
    assert [drive(job) for job in jobs] == ["succeeded"] * 2
    assert (bank.taken(id), count(TransactionRow, TransactionRow.kind == "refund")) == (0, 1)


@pytest.mark.parametrize("reference", ["0199aaaa-0000-7000-8000-000000000000", "nothing", "", "'; --"])
def test_an_event_about_an_unknown_order_is_kept(app: Flask, reference: str) -> None:
    assert deliver(app, event(reference)).status_code == 200
    assert events() == [("evt_1", None, False)]


# --- attacks ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("attack", ["unsigned", "wrong secret", "altered", "stale", "from the future", "empty", "text"])
def test_what_is_not_the_banks_word_is_refused_and_wakes_nobody(
    app: Flask, waiting: dict[str, Any], bank: Bank, attack: str
) -> None:
    id = waiting["order"]["id"]
    body = json.dumps(event(id, bank.approve(id))).encode()
    sent, headers = {
        "unsigned": (body, {}),
        "wrong secret": (body, signed(body, secret="guessed")),
        "altered": (body.replace(b"2489", b"2488"), signed(body)),
        "stale": (body, signed(body, age=301)),
        "from the future": (body, signed(body, age=-301)),
        "empty": (b"", signed(b"")),
        "text": (b"hello", signed(b"hello")),
    }[attack]
    answer = app.test_client().post(HOOK, data=sent, headers=headers)
    assert problem(answer) == (400, "bad_signature")
    assert (events(), count(TransactionRow)) == ([], 0)
    assert drive(waiting["job"]["id"]) == "waiting"


@pytest.mark.parametrize("change", [{"id": 7}, {"id": ""}, {"id": "x" * 256}, {"id": None}, {"type": 3}])
def test_a_signed_event_without_a_usable_id_is_refused(app: Flask, change: dict[str, Any]) -> None:
    assert problem(deliver(app, event("nothing") | change)) == (400, "bad_signature")
    assert events() == []


ODD = ["1e400", "-1e400", "NaN", "-1", "1.5", "1" + "0" * 30, "1" * 5000, "true", "null", '"1"', "[1]", "{}", ""]


@pytest.mark.parametrize("said", ODD)
@pytest.mark.parametrize("field", ["created", "amount"])
def test_a_signed_event_with_a_number_that_is_none_is_refused(app: Flask, field: str, said: str) -> None:
    told = json.dumps(event("x")).replace(f'"{field}": {1 if field == "created" else 2489}', f'"{field}": {said}')
    assert said in told
    assert problem(posted(app, told.encode())) == (400, "bad_signature")
    assert events() == []


@pytest.mark.parametrize(
    "body", [b"[" * 100_000, b"[]", b"null", b'{"data": []}', b'{"data": {"charge": [1]}}', b"\xff"]
)
def test_a_signed_body_of_another_shape_is_refused(app: Flask, body: bytes) -> None:
    assert problem(posted(app, body)) == (400, "bad_signature")
    assert events() == []


@pytest.mark.parametrize("field", ["id", "reference", "status", "currency"])
@pytest.mark.parametrize("value", [7, ["x"], {"a": 1}, True])
def test_a_signed_event_with_words_that_are_none_is_refused(app: Flask, field: str, value: object) -> None:
    told = event("x")
    told["data"]["charge"][field] = value
    assert problem(deliver(app, told)) == (400, "bad_signature")
    assert events() == []


def posted(app: Flask, body: bytes) -> Any:
    return app.test_client().post(HOOK, data=body, headers=signed(body))


def test_text_that_can_not_be_stored_is_refused(app: Flask) -> None:
    for told in (event("a\0b"), event("x") | {"id": "evt\0"}, event("x") | {"note": "\ud800"}):
        answer = deliver(app, told)
        assert answer.status_code in (400, 422), answer.text
    assert events() == []


@pytest.mark.parametrize("provider", ["stripe", "nobody", "SANDBOX"])
def test_another_provider_is_not_there(app: Flask, provider: str) -> None:
    body = json.dumps(event("x")).encode()
    answer = app.test_client().post(f"/api/webhooks/payments/{provider}", data=body, headers=signed(body))
    assert problem(answer) == (404, "not_found")
    assert events() == []


def test_an_eleven_megabyte_event_is_413(app: Flask) -> None:
    answer = app.test_client().post(HOOK, data=b" " * 11 * 2**20, headers=signed(b""))
    assert problem(answer) == (413, "too_large")
    assert events() == []
