"""Drain of accepted orders, the bank answering at once."""

from __future__ import annotations

from benchmarks.contenders import PREFORK, SHIPPED, THREADS, Contender, bare_chain, dbos, loops
from benchmarks.drains import Drained, drain
from benchmarks.report import Page, Row
from benchmarks.run import Run
from benchmarks.site import Site

TITLE = "drain of accepted orders, bank answering at once"
CAVEATS = (
    "Accepting is in neither figure. Bank and mail answer in process, on both sides.",
    "Waves are as large as the flusher made them while orders came in at the rate that is told.",
    "The bare chain, the loop and DBOS commit one transaction a step; only DBOS and ours keep a journal.",
    "CPU of the services is that of the whole machine's, whoever else used them.",
)
OURS = (PREFORK, THREADS, SHIPPED)
CHAINS = (bare_chain("prefork", 2), bare_chain("threads", 16))


def measure(run: Run, page: Page) -> None:
    site = run.main
    ours = best(site, page, OURS, run.some(3000))
    chain = best(site, page, CHAINS, run.some(600))
    page.row(_row(ours, chain, 10.0))
    if site is run.services:
        for peer, target in ((dbos(8), 12.0), (loops(), None)):
            page.row(_row(ours, best(site, page, (peer,), run.some(600)), target))


def best(site: Site, page: Page, contenders: tuple[Contender, ...], orders: int) -> Drained:
    """All of them are told, the fastest counts."""
    found = [_one(site, page, contender, orders) for contender in contenders]
    return max(found, key=lambda drained: drained.rate)


def _one(site: Site, page: Page, contender: Contender, orders: int) -> Drained:
    with site.ground() as here:
        drained = drain(here, contender, orders)
    page.say(drained)
    return drained


def _row(ours: Drained, peer: Drained, target: float | None) -> Row:
    return Row("drain, bank at once, orders/s", ours.rate, peer.name, peer.rate, target)
