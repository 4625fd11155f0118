"""The throttle of a campaign: so many a minute however often somebody looks, and no flood after an outage."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import accumulate
from random import Random

import pytest
from sqlalchemy import ColumnElement, func, select, update

import db
from db.schema import new_id
from shop.campaigns import audience, editing, transitions
from shop.campaigns import throttle as pace
from shop.campaigns.tables import CampaignRow, CampaignRunRow, RecipientRow, RecipientStatus
from tests.api.mailing_list import LETTER, willing
from tests.fixtures import Database

NOON = datetime(2027, 3, 1, 12, tzinfo=UTC)
A_MINUTE = 600
A_SECOND = A_MINUTE / 60
PEOPLE = 230


class Campaign:
    """One that is throttled to ten a second; `at` looks at the turnstile, so many seconds after noon."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._second = 0.0
        monkeypatch.setattr(pace, "read_clock", lambda _: NOON + timedelta(seconds=self._second))
        willing(*(f"p{number}" for number in range(PEOPLE)))
        with db.transaction() as session:
            self.id = editing.make(session, LETTER | {"topic": "offers", "throttle": A_MINUTE}, None).id
            transitions.send_now(session, self.id, new_id())
            self.run = session.scalars(select(CampaignRunRow.id)).one()
            audience.freeze_a_page(session, self.run)

    def at(self, second: float, *, arrives: bool = True) -> tuple[int, float]:
        """How many were let go, and after how many seconds one is to look again."""
        self._second = second
        with db.transaction() as session:
            turn = pace.take(session, self.run, connections=4)
            let_go = select(func.count()).where(RecipientRow.batch_id.in_(turn.batches))
            number = session.scalar(let_go) or 0
            if arrives:
                session.execute(update(RecipientRow).where(_on_its_way()).values(state=RecipientStatus.SENT))
        return number, turn.after

    def throttle(self, a_minute: int) -> None:
        with db.transaction() as session:
            session.execute(update(CampaignRow).values(throttle=a_minute))


def _on_its_way() -> ColumnElement[bool]:
    return RecipientRow.state == RecipientStatus.SENDING


@pytest.fixture
def campaign(database: Database, monkeypatch: pytest.MonkeyPatch) -> Campaign:
    return Campaign(monkeypatch)


def test_a_share_at_a_time_and_whoever_looks_too_early_waits_for_the_rest(campaign: Campaign) -> None:
    share = 2 * A_SECOND
    assert campaign.at(0) == (share, pace.TURN)
    assert campaign.at(0.5) == (0, 1.5)
    assert campaign.at(2) == (share, pace.TURN)
    campaign.throttle(A_MINUTE // 2)  # while it is sent
    assert campaign.at(4) == (share / 2, pace.TURN)


def test_after_an_outage_only_a_few_seconds_are_made_up_for(campaign: Campaign) -> None:
    campaign.at(0)
    let_go = [campaign.at(600 + tenth / 10)[0] for tenth in range(20)]
    assert sum(let_go) <= 9 * A_SECOND
    assert sum(let_go) > 2 * A_SECOND  # and they are


def test_what_does_not_arrive_holds_back_what_follows(campaign: Campaign) -> None:
    seconds = range(0, 40, 2)
    let_go = list(accumulate(campaign.at(second, arrives=False)[0] for second in seconds))
    assert let_go[-1] == A_MINUTE // 6
    assert campaign.at(42, arrives=False) == (0, pace.FULL)


def test_no_minute_has_more_however_irregularly_one_looks(campaign: Campaign) -> None:
    random, second, seen = Random(7), 0.0, []
    while second < 15:
        seen.append((second, campaign.at(second)[0]))
        second += random.choice((0.05, 0.4, 1, 3))
    for begin, _ in seen:
        for length in (1, 5, 15):
            inside = sum(number for at, number in seen if begin <= at < begin + length)
            assert inside <= (length + 7) * A_SECOND
    assert sum(number for _, number in seen) >= 0.7 * 15 * A_SECOND


def test_who_waits_for_quiet_hours_to_end_looks_now_and_then_whether_they_were_lifted(campaign: Campaign) -> None:
    with db.transaction() as session:
        session.execute(update(CampaignRow).values(quiet_from="11:00", quiet_until="12:02"))
    assert [campaign.at(0.0), campaign.at(60.0), campaign.at(90.0)] == [(0, 60.0), (0, 60.0), (0, 30.0)]
    with db.transaction() as session:
        session.execute(update(CampaignRow).values(quiet_from=None, quiet_until=None))
    assert campaign.at(91.0)[0] > 0
