"""Two worker processes, each on its own core, compared with one."""

from __future__ import annotations

import os
import shutil

from benchmarks.contenders import pinned
from benchmarks.measures.drain import one
from benchmarks.report import Page, Row
from benchmarks.run import Run

TITLE = "second worker process on the other core"
CAVEATS = (
    "Each worker is held to a core of its own; PostgreSQL and RabbitMQ run where the kernel puts them, on the same"
    " cores. What they take is told in ms for each order: it is not there for a second worker.",
    "The better of two goes of each counts.",
)
GOES = 2


def measure(run: Run, page: Page) -> None:
    if not shutil.which("taskset") or (os.cpu_count() or 1) < 2:
        page.say("not measured: needs taskset and two cores")
        return
    rates = {}
    for workers in (1, 2):
        goes = [one(run.main, page, pinned(workers), run.some(2000)) for _ in range(GOES)]
        rates[workers] = max(drained.rate for drained in goes)
    page.row(Row("drain, two worker processes, orders/s", rates[2], "one worker process", rates[1], 1.6))
