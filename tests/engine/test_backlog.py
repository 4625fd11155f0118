"""A backlog is not a loss: 20,000 runs wait in the broker, and nothing is sent twice."""

from __future__ import annotations

import pytest
from sqlalchemy import insert, select, update

import db
from db.schema import new_id
from engine.states import Hold, State
from engine.sweep import sweep
from engine.tables import RunRow
from tests.engine.driver import Driver

MANY = 20_000
QUEUE = "orderwave-test.parcels"


@pytest.fixture
def waiting(driver: Driver) -> list[str]:
    """As many runs, just sent, in a queue that nobody reads."""
    model = driver.start("p0")
    table = RunRow.__table__
    with db.transaction() as session:
        row = session.execute(select(table).where(table.c.id == model)).mappings().one()
        rows = [{**row, "id": new_id(), "key": f"p{n}", "subject_id": f"p{n}"} for n in range(1, MANY)]
        session.execute(insert(table), rows)
    driver.sent.clear()
    return [model, *[row["id"] for row in rows]]


def sweep_all(driver: Driver, seconds: float) -> int:
    """As many sweeps as find something, that long afterwards."""
    driver.pass_time(seconds)
    return sum(sweep() for _ in range(MANY // 2000 + 1))


def test_a_backlog_is_probed_and_not_sent_again(driver: Driver, waiting: list[str]) -> None:
    assert len(waiting) == MANY
    assert sweep_all(driver, 6) == 0
    assert [queue for queue, _ in driver.probes] == [QUEUE]
    for _ in range(3):
        assert sweep_all(driver, 11) == 0
    assert driver.sent == []
    assert len(driver.probes) <= 4
    with db.reading() as session:
        assert session.scalars(select(RunRow.losses).distinct()).all() == [0]

    # The backlog is worked off, the probes come out behind it; three runs had really been lost.
    lost = sorted([waiting[7], waiting[7000], waiting[19_999]])
    with db.transaction() as session:
        done = {"state": State.SUCCEEDED, "hold": Hold.END, "task": None, "due_at": None}
        session.execute(update(RunRow).where(RunRow.id.not_in(lost)).values(**done))
    driver.return_probes()
    assert sweep_all(driver, 41) == 3
    assert sorted(id for message in driver.sent for id in message.ids) == lost
