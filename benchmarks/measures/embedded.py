"""Drain on SQLite and litebroker, compared with the bare chain on PostgreSQL and RabbitMQ."""

from __future__ import annotations

from benchmarks.contenders import OURS
from benchmarks.measures.drain import CHAINS, PEER_ORDERS, best
from benchmarks.report import Page, Row
from benchmarks.run import Run

TITLE = "embedded pair, drain"
CAVEATS = (
    "SQLite has one writer at a time; it commits with synchronous=FULL, as shipped.",
    "The chain on the embedded pair is for information: it writes no results there.",
)


def measure(run: Run, page: Page) -> None:
    if run.embedded is None:
        page.say("not measured: the embedded pair is not wanted")
        return
    ours = best(run.embedded, page, OURS, run.some(2000))
    for site, target in ((run.services, 1.0), (run.embedded, None)):
        if site:
            chain = best(site, page, CHAINS, run.some(PEER_ORDERS))
            page.row(Row("drain, embedded pair, orders/s", ours.rate, f"{chain.name}, {site.pair}", chain.rate, target))
