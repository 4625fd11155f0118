"""A shop restored from a backup that does not know its mails went sends the same ones, by their Message-IDs (P10)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from flask import Flask
from sqlalchemy import delete, update
from sqlalchemy.orm import Session

import db
import gateways.channels.email
import tasks.campaigns.sending
import tasks.campaigns.stock_alerts
import tasks.maintenance
import tasks.notifications.alarms
from engine.tables import RunRow
from shop.campaigns.cart_reminders import CartReminderRow
from shop.campaigns.tables import CampaignRow, CampaignRunRow, RecipientRow
from shop.stock.alerts import StockAlertRow
from tests.api.bank import Bank
from tests.api.carts.test_cart_reminders import filled, hours_pass, wishing
from tests.api.catalogue_data import put_on_shelf
from tests.api.clients import People, Person
from tests.api.inline_worker import drive
from tests.api.mailing_list import Postman, campaign, willing, work_off
from tests.api.payments.test_outages import alarms, stuck
from tests.api.stock.test_stock_alerts import WANTED, move, waiting
from tests.fixtures import Configure

NINE, TEN = (datetime(2026, 1, 1, hour, tzinfo=UTC) for hour in (9, 10))


@pytest.fixture
def postman(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Postman:
    found = Postman()
    for module in (tasks.campaigns.sending, tasks.campaigns.stock_alerts, tasks.notifications.alarms):
        monkeypatch.setattr(module, "mailer", lambda: found)
    monkeypatch.setattr(gateways.channels.email, "mailer", Postman)  # of other mails
    return found


def ids(postman: Postman, act: Callable[[], object]) -> list[str]:
    """Of the mails that went for it, by recipient."""
    postman.mails.clear()
    act()
    return [mail.message_id for mail in sorted(postman.mails, key=lambda mail: mail.to)]


def test_p10_a_campaigns_due_time_comes_upon_once_more(sam: Person, postman: Postman) -> None:
    willing("ada", "ben")
    id = campaign(sam, schedule={"cron": "0 * * * *"})

    def strike(at: datetime) -> None:
        values = {"cron": None, "once_at": at, "next_at": at, "status": "scheduled"}
        with db.transaction() as session:
            session.execute(update(CampaignRow).where(CampaignRow.id == id).values(values))
        tasks.maintenance.start_due_campaigns()
        work_off()

    first = ids(postman, lambda: strike(NINE))
    with db.transaction() as session:  # as in a backup of the moment before
        session.execute(delete(RecipientRow))
        session.execute(delete(CampaignRunRow))
    again, other = ids(postman, lambda: strike(NINE)), ids(postman, lambda: strike(TEN))
    assert first == again
    assert len({*first, *other}) == 4


def test_p10_a_trial_is_another_mail_than_the_one_before(sam: Person, postman: Postman) -> None:
    id = campaign(sam)
    for _ in range(2):
        sam.post(f"/api/campaigns/{id}/test")
        work_off()
    assert len({mail.message_id for mail in postman.mails}) == 2


def test_p10_a_cart_that_is_reminded_of_again(people: People, postman: Postman) -> None:
    put_on_shelf("CHAIR")
    ada = wishing(people.join("Ada"))
    filled(ada)
    [first] = ids(postman, lambda: hours_pass(2))
    with db.transaction() as session:
        session.execute(delete(CartReminderRow))
    [again] = ids(postman, lambda: hours_pass(0))
    [second] = ids(postman, lambda: hours_pass(23))
    filled(ada, quantity=3)
    [of_a_new_cart] = ids(postman, lambda: hours_pass(2))
    assert first == again
    assert len({first, second, of_a_new_cart}) == 3


def test_p10_a_stock_alert_that_is_told_again(people: People, sam: Person, postman: Postman) -> None:
    put_on_shelf("CHAIR", on_hand=0)
    ada = waiting(wishing(people.join("Ada"), WANTED))
    with db.reading() as session:
        [kept] = [dict(row) for row in session.execute(StockAlertRow.__table__.select()).mappings()]
    [first] = ids(postman, lambda: (move(sam, 3), work_off()))
    move(sam, -3)
    with db.transaction() as session:
        session.execute(StockAlertRow.__table__.insert().values(kept))
    [again] = ids(postman, lambda: (move(sam, 3), work_off()))
    move(sam, -3)
    waiting(ada)
    [other] = ids(postman, lambda: (move(sam, 3), work_off()))
    assert first == again != other


def test_p10_an_alarm_that_comes_at_another_hour_after_the_backup(
    ada: Person, bank: Bank, configure: Configure, monkeypatch: pytest.MonkeyPatch, postman: Postman
) -> None:
    put_on_shelf("CHAIR", price=1999, on_hand=50)
    configure(OPERATORS_MAIL="ops@example.com,others@example.com")
    stuck(ada, bank, monkeypatch)
    first = ids(postman, sound)
    with db.transaction() as session:
        for run in alarms_in(session):
            run.state, run.step, run.task, run.hold = "queued", 0, "notifications.await_hour", "none"
            run.input = {**run.input, "hour": NINE.isoformat()}
    again = ids(postman, sound)
    assert first == again
    assert len({*first}) == 2


def alarms_in(session: Session) -> list[RunRow]:
    return list(session.query(RunRow).where(RunRow.workflow == "tell_operators"))


def sound() -> None:
    for run in alarms():
        drive(run.id)
