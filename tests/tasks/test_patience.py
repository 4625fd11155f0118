"""P15: how long a step waits for somebody who is away, and who that somebody is."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

import workflows  # noqa: F401 - brings all steps
from engine import plan
from engine.steps import step_tasks

HOUR = 3600.0
DAY = 24 * HOUR


@pytest.mark.parametrize(
    ("task", "least"),
    [
        ("notifications.order_confirmed", 2 * DAY),
        ("notifications.order_cancelled", 2 * DAY),
        ("payments.pay_back", 2 * DAY),
        ("payments.capture", 2 * DAY),
        ("payments.verify", 2 * DAY),
        ("payments.return_late", 2 * DAY),
        ("payments.receive_transfers", 2 * DAY),
        ("reconciliations.fetch", 2 * DAY),
        ("campaigns.send_batch", 2 * DAY),
        ("webhooks.deliver", DAY),
    ],
)
def test_p15_who_is_away_for_a_while_troubles_nobody_soon(task: str, least: float) -> None:
    assert step_tasks[task].retry_for("do").seconds >= least


@pytest.mark.parametrize("task", ["payments.refund", "payments.refund_spare", "stock.release"])
def test_an_undo_has_days(task: str) -> None:
    assert step_tasks[task].retry_for("undo").seconds >= 2 * DAY


def test_however_long_a_hosts_name_is_there_is_room_for_who_is_away() -> None:
    host = ".".join(["a" * 49] * 5)  # 249 characters, of 253 that a name may have
    letter = SimpleNamespace(url=f"https://{host}/hooks")
    told = step_tasks["webhooks.deliver"].gateway_of(letter)
    assert told == f"webhooks:{host}"[:255]


NOBODY_OUTSIDE = {"maintenance.run_task", "imports.apply"}


def test_p15_every_step_that_calls_somebody_outside_says_whom() -> None:
    calling = {name for name, step in step_tasks.items() if step.call and not name.startswith("parcels.")}
    assert {name for name in calling if step_tasks[name].gateway is None} == NOBODY_OUTSIDE


def test_p15_no_run_gives_up_for_an_outage_of_ten_minutes() -> None:
    """Not before its pivot, not past it, not on its way back."""
    for workflow in list(plan.workflows.values()):
        assert workflow.deadline is None or workflow.deadline >= 10 * 60, workflow.name
        for step in workflow.steps:
            for task, direction in ((step.do, "do"), (step.undo, "undo")):
                assert task is None or task.retry_for(direction).seconds >= 10 * 60, f"{workflow.name}: {task.name}"
