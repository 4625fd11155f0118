"""The doctor finds a campaign that lost somebody, and one whose job is gone."""

from __future__ import annotations

import pytest
from sqlalchemy import text

import db
from db.schema import new_id
from doctor.campaigns import campaigns_reach_everybody_once
from shop.campaigns import audience, editing, throttle, transitions
from shop.campaigns.tables import CampaignRunRow
from tests.api.mailing_list import LETTER, willing

pytestmark = pytest.mark.usefixtures("database")


def frozen() -> tuple[str, str]:
    """The run and its job, for two people of whom one batch is on its way."""
    willing("ada", "ben")
    with db.transaction() as session:
        id = editing.make(session, LETTER | {"topic": "offers"}, None).id
        transitions.send_now(session, id, new_id())
        run = session.query(CampaignRunRow).one()
        audience.freeze_a_page(session, run.id)
        throttle.take(session, run.id, 4)
        return run.id, str(run.job_id)


def breaches() -> list[str]:
    with db.reading() as session:
        return list(campaigns_reach_everybody_once(session))


def change(statement: str) -> None:
    with db.transaction() as session:
        session.execute(text(statement))


def test_nothing_is_wrong_while_it_is_under_way_and_a_lost_recipient_is_named() -> None:
    run, _ = frozen()
    assert breaches() == []
    change("UPDATE campaign_runs SET stage = 'done'")
    said = f"run {run} of a campaign is done: 2 were meant, 2 are there, 2 of them not written to"
    assert breaches() == [said]
    change("DELETE FROM campaign_recipients")
    assert breaches() == [f"run {run} of a campaign is done: 2 were meant, 0 are there, 0 of them not written to"]


def test_an_open_run_whose_job_has_ended_is_named() -> None:
    run, _ = frozen()
    change("UPDATE runs SET state = 'failed', hold = 'end', due_at = NULL")
    assert breaches() == [f"run {run} of a campaign is open and its job has ended"]
