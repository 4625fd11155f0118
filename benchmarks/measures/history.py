"""Drain with millions of finished runs, and their journals, in the tables."""

from __future__ import annotations

import time

from benchmarks import history
from benchmarks.contenders import SHIPPED
from benchmarks.drains import drain
from benchmarks.ground import Ground
from benchmarks.report import Page, Row
from benchmarks.run import Run

TITLE = "drain with 2,000,000 finished runs in the tables"
CAVEATS = (
    "The runs are copies of one real run with its four journal rows; the shop's own tables are empty on both sides.",
    "Freshly loaded, vacuumed and analysed; the better of two goes of each counts, and both sides had a run before.",
)
GOES = 2


def measure(run: Run, page: Page) -> None:
    if run.services is None or not run.history:
        page.say("not measured: needs PostgreSQL, and --history above 0")
        return
    rates = {}
    for runs in (0, run.history):
        with run.services.ground() as here:
            drain(here, SHIPPED, 1)
            if runs:
                _load(here, page, runs)
            rates[runs] = max(_drained(run, here, page, runs) for _ in range(GOES))
    with_history = f"drain, {run.history:,} finished runs, orders/s"
    page.row(Row(with_history, rates[run.history], "empty tables", rates[0], 0.9))


def _load(here: Ground, page: Page, runs: int) -> None:
    begun = time.monotonic()
    history.load(here, runs)
    size = here.ask("SELECT pg_size_pretty(pg_database_size(current_database()))")
    page.say(f"{runs:,} runs and {4 * runs:,} journal rows loaded in {time.monotonic() - begun:.0f} s: {size}")


def _drained(run: Run, here: Ground, page: Page, runs: int) -> float:
    drained = drain(here, SHIPPED, run.some(2000))
    page.say(f"{runs:9,} finished   {drained}")
    return drained.rate
