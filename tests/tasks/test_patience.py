"""How long a step waits for somebody who is away, at the least that its jitter can come to."""

from __future__ import annotations

import pytest

import workflows  # noqa: F401 - brings all steps
from engine.steps import step_tasks

HOUR = 3600.0


@pytest.mark.parametrize(
    ("task", "least"),
    [
        ("notifications.order_confirmed", 12 * HOUR),
        ("notifications.order_cancelled", 12 * HOUR),
        ("payments.pay_back", 12 * HOUR),
        ("accounts.send_mail", HOUR),
    ],
)
def test_who_is_away_for_a_while_troubles_nobody_soon(task: str, least: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.steps.random.uniform", lambda low, _: low)
    retry = step_tasks[task].retry_for("do")
    assert sum(retry.delay(attempt) for attempt in range(1, retry.attempts)) >= least
