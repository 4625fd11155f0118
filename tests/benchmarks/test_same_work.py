"""The peers do the work that we do: the same rows in the shop's tables, whoever carried the order out."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Select, Table, select

import db
from benchmarks import history
from benchmarks.drains import WORK, check_work
from benchmarks.ground import Died, Ground
from benchmarks.peers import loop, nobody, orderwave
from benchmarks.peers.database import transaction
from benchmarks.peers.steps import STEPS
from benchmarks.shopping import SKUS, accept, sku
from engine import jobs
from migrations.models import metadata
from tests.api.inline_worker import drive

on_postgresql = pytest.mark.parametrize("database", ["postgresql"], indirect=True)

OWN = {"id", "number", "order_id", "subject_id", "payment_id", "provider_id", "key", "charge_key", "cart_id"}
"""Names that differ from order to order, whoever carries it out."""


def carried_out_by_us(goods: str) -> str:
    order = accept(orderwave, goods)
    with db.reading() as session:
        run = jobs.about(session, ("order", order))[0].id
    assert drive(run) == "succeeded"
    return order


def carried_out_by_a_peer(goods: str) -> str:
    order = accept(nobody, goods)
    for step in STEPS:
        with transaction() as session:
            step(session, order)
    return order


def rows(order: str) -> dict[str, list[dict[str, Any]]]:
    """All that the tables of WORK say of this order, without names and times."""
    with db.reading() as session:
        found = {name: session.execute(_about(order, metadata.tables[name])).mappings().all() for name in WORK}
    return {name: [_without_names(row) for row in some] for name, some in found.items()}


def _about(order: str, table: Table) -> Select[Any]:
    if table.name == "payment_transactions":
        payments = metadata.tables["payments"]
        return select(table).join(payments, payments.c.id == table.c.payment_id).where(payments.c.order_id == order)
    return select(table).where(
        table.c[{"orders": "id", "notifications": "subject_id"}.get(table.name, "order_id")] == order
    )


def _without_names(row: Any) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in OWN and not name.endswith("_at") and name != "at"}


def test_a_peer_writes_the_rows_that_we_write(here: Ground) -> None:
    ours, theirs = rows(carried_out_by_us(sku(0))), rows(carried_out_by_a_peer(sku(SKUS)))
    assert ours == theirs
    assert {name: len(found) for name, found in ours.items()} == {**dict.fromkeys(WORK, 1), "order_events": 2}
    check_work(here, 2)


def test_work_that_was_not_done_is_seen(here: Ground) -> None:
    order = accept(nobody, sku(0))
    for step in STEPS[:3]:
        with transaction() as session:
            step(session, order)
    with pytest.raises(Died, match=r"1 orders were to be carried out.*'orders': 1.*'notifications': 0"):
        check_work(here, 1)


@on_postgresql
def test_the_loop_carries_out_every_order_once(here: Ground) -> None:
    loop.prepare()
    try:
        orders = [accept(loop, sku(number)) for number in range(3)]
        assert [loop.step() for _ in range(4 * len(orders) + 1)] == [True] * 12 + [False]
        check_work(here, 3)
    finally:
        here.do("DROP TABLE loop_work")


@on_postgresql
def test_history_is_finished_runs_with_their_journals(here: Ground) -> None:
    carried_out_by_us(sku(0))
    history.load(here, 300)
    assert here.ask("SELECT count(*), count(DISTINCT key), count(due_at) FROM runs WHERE state = 'succeeded'") == (
        301,
        301,
        0,
    )
    assert here.ask("SELECT count(*), count(DISTINCT run_id) FROM journal WHERE state = 'done'") == (1204, 301)
    assert here.ask("SELECT count(*) FROM runs WHERE finished_at < now() - interval '1 day'") == 300
