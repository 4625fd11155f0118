"""What one order costs, step by step, is what `benchmarks/budget.json` says: dearer is found here, not weeks later.

Statements and commits are those of PostgreSQL; `bytes` is the message that carries a run alone to that step, with the
rest of its chain. To spend more, or less, is a decision: `make budget` writes the file anew, and the change is read
with the code that made it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from celery import signals

from engine import dispatch
from engine.dispatch import ChainPosition
from engine.plans import known
from engine.tables import RunRow
from tests.api.catalogue_data import order, put_on_shelf
from tests.api.clients import Person
from tests.api.inline_worker import ready, work
from tests.api.sql_recorder import listening

FILE = Path(__file__).parents[3] / "benchmarks/budget.json"

Costs = dict[str, dict[str, int]]


@contextmanager
def measured(costs: Costs, name: str) -> Iterator[None]:
    with listening() as said:
        yield
    commits = said.count("COMMIT")
    costs[name] = {"statements": len(said) - commits, "commits": commits}


def message_to(run: RunRow) -> int:
    """How many bytes carry it to where it stands."""
    bytes: list[int] = []

    def note(body: Any, **_: Any) -> None:
        bytes.append(len(json.dumps(body)))

    signals.before_task_publish.connect(note, weak=False)
    try:
        dispatch.send_all([(ChainPosition(known(run.plan_id), run.step, run.direction), run.id)])
    finally:
        signals.before_task_publish.disconnect(note)
    [one] = bytes
    return one


def carry_out(run_id: str, costs: Costs) -> None:
    """As workers do, a step at a time."""
    while run := ready(run_id):
        with measured(costs, str(run.task)):
            work(run)
        costs[str(run.task)]["bytes"] = message_to(run)


@pytest.mark.usefixtures("bank", "sent")
@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_an_order_costs_what_the_budget_says(ada: Person) -> None:
    put_on_shelf(on_hand=10)
    carry_out(order(ada)["job"]["id"], {})  # the first of a process asks for more than all others
    costs: Costs = {}
    with measured(costs, "a cart and POST /api/orders"):
        placed = order(ada)
    carry_out(placed["job"]["id"], costs)
    if os.environ.get("BUDGET") == "write":
        FILE.write_text(json.dumps(costs, indent=2) + "\n")
    assert costs == json.loads(FILE.read_text())
