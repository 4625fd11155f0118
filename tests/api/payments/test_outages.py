"""P15: while somebody outside is away, whoever looks is told so; what needs a person finds one."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update

import db
import tasks.notifications.alarms
from api.http import health
from db.functions import in_seconds
from engine import outages
from engine.limits import OPENS
from engine.outcomes import Refused, TryAgain, Unknown
from engine.tables import GatewayRow, RunRow
from gateways.mail import Mail
from shop.stock.tables import ReservationRow
from shop.webhooks import events
from shop.webhooks.events import DomainEventRow
from tests.api.bank import Bank
from tests.api.catalogue_data import order, put_on_shelf, shelf
from tests.api.clients import People, Person
from tests.api.inline_worker import drive
from tests.fixtures import Configure


@pytest.fixture(autouse=True)
def _goods(bank: Bank) -> None:
    put_on_shelf("CHAIR", price=1999, on_hand=50)


@pytest.fixture
def root(people: People) -> Person:
    return people.join("Root", role="admin")


def busy(*_: Any, **__: Any) -> Any:
    raise TryAgain("provider_busy", away=True)


def once_more(id: str) -> str:
    with db.transaction() as session:
        session.execute(update(RunRow).where(RunRow.id == id).values(hold="none"))
    return drive(id)


@pytest.fixture
def away(bank: Bank, ada: Person, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Orders that wait for a provider who counts as away."""
    monkeypatch.setattr(bank, "charge", busy)
    monkeypatch.setattr(health, "_looker", health._Looker())
    orders = [order(ada) for _ in range(OPENS)]
    for placed in orders:
        drive(placed["job"]["id"])
    outages.look()
    return orders


# --- seeing it ---------------------------------------------------------------------------------------


def test_p15_shoppers_read_whom_their_order_waits_for_and_since_when(ada: Person, away: list[dict[str, Any]]) -> None:
    placed = away[0]
    job = ada.get(f"/api/jobs/{placed['job']['id']}").json
    assert job["status"] == "running"
    assert (job["waiting_for"]["what"], job["waiting_for"]["detail"]) == (
        "payment_provider",
        "waiting for the payment provider",
    )
    moments = ada.get(f"/api/orders/{placed['order']['id']}/timeline").json["items"]
    [waits] = [moment for moment in moments if moment["kind"] == "waiting"]
    assert waits["at"] == job["waiting_for"]["since"]
    assert (waits["waiting_for"], waits["detail"]) == ("payment_provider", "waiting for the payment provider")


def test_p15_operators_see_it_in_the_list_and_where_health_is_asked_for(
    client: FlaskClient, sam: Person, away: list[dict[str, Any]]
) -> None:
    listed = sam.get("/api/jobs?workflow=place_order").json["items"]
    assert {job["waiting_for"]["what"] for job in listed} == {"payment_provider"}
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json["status"]) == (200, "ok")
    assert answer.json["gateways"]["mail_server"] == {"state": "ok"}
    provider = answer.json["gateways"]["payment_provider"]
    assert (provider["state"], provider["code"], provider["waiting"]) == ("away", "provider_busy", OPENS)


def test_a_rotated_key_is_told_as_what_it_is(
    client: FlaskClient, ada: Person, bank: Bank, monkeypatch: pytest.MonkeyPatch, logged: StringIO
) -> None:
    def wrong_key(*_: Any, **__: Any) -> Any:
        raise TryAgain("provider_misconfigured", away=True)

    monkeypatch.setattr(bank, "charge", wrong_key)
    monkeypatch.setattr(health, "_looker", health._Looker())
    for _ in range(OPENS):
        drive(order(ada)["job"]["id"])
    outages.look()
    assert client.get("/readyz").json["gateways"]["payment_provider"]["state"] == "misconfigured"
    [said] = [line for line in logged.getvalue().splitlines() if "runs wait for a gateway" in line]
    assert json.loads(said)["level"] == "error"


def test_p15_when_it_is_back_the_orders_go_on(
    ada: Person, bank: Bank, away: list[dict[str, Any]], sent: list[Mail], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bank, "charge", type(bank).charge.__get__(bank))
    with db.transaction() as session:
        session.execute(update(GatewayRow).values(probe_at=in_seconds(-1)))
    assert [once_more(placed["job"]["id"]) for placed in away] == ["succeeded"] * OPENS
    job = ada.get(f"/api/jobs/{away[0]['job']['id']}").json
    assert job["waiting_for"] is None
    assert len(sent) == OPENS
    with db.reading() as session:
        assert outages.outages(session) == []


# --- the reservation ---------------------------------------------------------------------------------


def held_for(order_id: str, seconds: float) -> None:
    with db.transaction() as session:
        row = ReservationRow
        session.execute(update(row).where(row.order_id == order_id).values(expires_at=in_seconds(seconds)))


def test_p5_p15_an_order_ends_before_its_goods_are_let_go_and_with_the_providers_code(
    ada: Person, bank: Bank, away: list[dict[str, Any]]
) -> None:
    placed = away[0]
    held_for(placed["order"]["id"], 25)
    assert once_more(placed["job"]["id"]) == "failed"
    assert ada.get(f"/api/jobs/{placed['job']['id']}").json["error"]["code"] == "provider_busy"
    assert ada.get(f"/api/orders/{placed['order']['id']}").json["status"] == "failed"
    assert shelf() == (50, OPENS - 1)


def test_p5_nothing_is_charged_whose_goods_are_not_held_any_more(ada: Person, bank: Bank) -> None:
    placed = order(ada)
    drive(placed["job"]["id"], steps=1)
    held_for(placed["order"]["id"], 10)
    assert drive(placed["job"]["id"]) == "failed"
    assert ada.get(f"/api/jobs/{placed['job']['id']}").json["error"]["code"] == "reservation_expired"
    assert bank.intents == []
    assert shelf() == (50, 0)


# --- the undo ----------------------------------------------------------------------------------------


def nobody(*_: Any, **__: Any) -> Any:
    raise TryAgain("provider_unreachable", away=True)


def test_p15_an_order_that_the_provider_never_heard_of_is_cancelled_at_once(
    ada: Person, bank: Bank, away: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bank, "find", nobody)
    placed = away[0]
    ada.post(f"/api/jobs/{placed['job']['id']}/cancel")
    assert drive(placed["job"]["id"]) == "failed"
    [payment] = ada.get(f"/api/payments?order_id={placed['order']['id']}").json["items"]
    assert payment["status"] == "voided"
    assert shelf() == (50, OPENS - 1)


def test_where_nobody_knows_the_undo_waits_for_the_providers_word(
    ada: Person, bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(*_: Any, **__: Any) -> Any:
        raise Unknown("provider_silent", away=True)

    monkeypatch.setattr(bank, "charge", silent)
    monkeypatch.setattr(bank, "find", nobody)
    placed = order(ada)
    drive(placed["job"]["id"])
    ada.post(f"/api/jobs/{placed['job']['id']}/cancel")
    assert drive(placed["job"]["id"]) == "compensating"
    monkeypatch.setattr(bank, "find", lambda key: None)
    assert once_more(placed["job"]["id"]) == "failed"


# --- what needs a person -----------------------------------------------------------------------------


def stuck(ada: Person, bank: Bank, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A cancelled order whose refund is refused."""
    placed = order(ada)
    drive(placed["job"]["id"], steps=2)

    def no(*_: Any, **__: Any) -> Any:
        raise Refused("refund_refused")

    with monkeypatch.context() as patched:
        patched.setattr(bank, "refund", no)
        ada.post(f"/api/jobs/{placed['job']['id']}/cancel")
        assert drive(placed["job"]["id"]) == "needs_attention"
    return placed


def alarms() -> list[RunRow]:
    with db.reading() as session:
        return list(session.scalars(select(RunRow).where(RunRow.workflow == "tell_operators").order_by(RunRow.key)))


def test_p8_what_needs_a_person_is_in_the_log_and_told_to_who_listens(
    ada: Person, root: Person, bank: Bank, monkeypatch: pytest.MonkeyPatch, logged: StringIO
) -> None:
    root.post("/api/webhook-endpoints", {"url": "https://erp.example.com/hook", "events": ["run.needs_attention"]})
    placed = stuck(ada, bank, monkeypatch)
    said = [line for line in logged.getvalue().splitlines() if "a run needs attention" in line]
    assert [json.loads(line)["level"] for line in said] == ["error"]
    with db.reading() as session:
        [fact] = session.scalars(select(DomainEventRow).where(DomainEventRow.kind == events.Kind.RUN_NEEDS_ATTENTION))
    assert fact.data == {
        "job_id": placed["job"]["id"],
        "workflow": "place_order",
        "subject": {"type": "order", "id": placed["order"]["id"]},
        "step": "charge_payment",
        "direction": "undo",
        "code": "refund_refused",
        "detail": "refund refused",
    }
    assert alarms() == []


def test_p8_operators_are_mailed_at_once_and_then_once_an_hour(
    ada: Person, bank: Bank, configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    mails: list[Mail] = []
    monkeypatch.setattr(
        tasks.notifications.alarms, "mailer", lambda: type("Postman", (), {"send": staticmethod(mails.append)})
    )
    configure(OPERATORS_MAIL="ops@example.com")
    first = stuck(ada, bank, monkeypatch)
    second = stuck(ada, bank, monkeypatch)
    stuck(ada, bank, monkeypatch)
    now, later_on = alarms()
    assert drive(now.id) == "succeeded"
    assert drive(later_on.id) == "running"
    [mail] = mails
    assert (mail.to, mail.subject) == ("ops@example.com", "3 jobs need attention")
    assert f"/api/jobs/{first['job']['id']}" in mail.text
    assert f"place_order of order {second['order']['id']}: refund_refused at charge_payment (undo)" in mail.text


def test_p8_who_helped_over_which_refusal_stays_to_be_seen(
    ada: Person, sam: Person, bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    placed = stuck(ada, bank, monkeypatch)
    path = f"/api/jobs/{placed['job']['id']}"
    sam.post(f"{path}/retry")
    assert drive(placed["job"]["id"]) == "failed"
    [act] = sam.get(path).json["acts"]
    assert (act["act"], act["by"], act["step"], act["direction"]) == ("retried", sam.id, "charge_payment", "undo")
    assert act["error"]["code"] == "refund_refused"
    assert [one["code"] for one in sam.get(path).json["failures"]] == ["refund_refused"]
    timeline = f"/api/orders/{placed['order']['id']}/timeline"
    [seen] = [moment for moment in ada.get(timeline).json["items"] if moment["kind"] == "operator"]
    assert (seen["status"], seen["error"]["code"]) == ("retried", "refund_refused")
    assert sam.id not in ada.get(timeline).text
    [seen] = [moment for moment in sam.get(timeline).json["items"] if moment["kind"] == "operator"]
    assert seen["by"] == sam.id
    assert "acts" not in ada.get(path).json
