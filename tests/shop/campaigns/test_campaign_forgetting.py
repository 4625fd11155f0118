"""Recipients are forgotten some time after the run ended, with nothing else: counts stay, the doctor is content."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select, update

import db
from db.functions import in_seconds
from db.schema import new_id
from doctor.campaigns import campaigns_reach_everybody_once
from shop.campaigns import audience, editing, progress, retention, transitions
from shop.campaigns.tables import CampaignRunRow, RecipientRow, RecipientStatus, Stage
from tests.api.mailing_list import LETTER, willing

NOBODY = {"waiting": 0, "sending": 0, "sent": 0, "failed": 0, "skipped": 0}

pytestmark = pytest.mark.usefixtures("database")


def sent_to_three(days_ago: int | None) -> str:
    """The campaign; it is under way still if it did not end."""
    with db.transaction() as session:
        id = editing.make(session, LETTER | {"topic": "offers"}, None).id
        transitions.send_now(session, id, new_id())
        [sent] = progress.latest(session, id)
        audience.freeze_a_page(session, sent.run.id)
        if days_ago is not None:
            session.execute(
                update(RecipientRow).where(RecipientRow.run_id == sent.run.id).values(state=RecipientStatus.SENT)
            )
            sent.run.stage, sent.run.finished_at = Stage.DONE, in_seconds(-86400.0 * days_ago)
        return id


def prune(days: int, batch: int) -> int:
    with db.transaction() as session:
        return retention.prune(session, days, batch)


def told(campaign: str) -> dict[str, int]:
    with db.reading() as session:
        [one] = progress.latest(session, campaign)
        return one.fates


def left(campaign: str) -> int:
    with db.reading() as session:
        run = select(CampaignRunRow.id).where(CampaignRunRow.campaign_id == campaign).scalar_subquery()
        return session.scalar(select(func.count()).where(RecipientRow.run_id == run)) or 0


def test_only_people_of_runs_that_ended_long_ago_are_forgotten_and_how_many_stays_known() -> None:
    willing("ada", "ben", "cid")
    old, fresh, under_way = sent_to_three(31), sent_to_three(29), sent_to_three(None)
    assert prune(30, batch=2) == 2
    assert told(old) == NOBODY | {"sent": 3}, "half-forgotten, and all of it told"
    assert [prune(30, batch=2) for _ in range(2)] == [1, 0]
    assert (left(old), left(fresh), left(under_way)) == (0, 3, 3)
    assert told(old) == told(fresh) == NOBODY | {"sent": 3}
    assert told(under_way) == NOBODY | {"waiting": 3}
    with db.reading() as session:
        assert not [said for said in campaigns_reach_everybody_once(session) if "not written to" in said]
