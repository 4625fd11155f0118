"""Drain of accepted orders with a bank that answers at once."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.contenders import OURS, Contender, bare_chain, dbos, loops
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
DURABLE = (dbos(8), dbos(8, transactions=True))
CHAINS = (bare_chain("prefork", 2), bare_chain("threads", 16))


PEER_ORDERS = 600


def measure(run: Run, page: Page) -> None:
    site = run.main
    ours = best(site, page, OURS, run.some(3000))
    page.row(_row(ours, best(site, page, CHAINS, run.some(PEER_ORDERS)), 10.0))
    if site is run.services:
        for peers, target in ((DURABLE, 12.0), ((loops(),), None)):
            page.row(_row(ours, best(site, page, peers, run.some(PEER_ORDERS)), target))


def best(site: Site, page: Page, contenders: Sequence[Contender], orders: int, **environment: str) -> Drained:
    """Measure all contenders and return the fastest."""
    found = [one(site, page, contender, orders, **environment) for contender in contenders]
    return max(found, key=lambda drained: drained.rate)


def one(site: Site, page: Page, contender: Contender, orders: int, *how: str, **environment: str) -> Drained:
    with site.ground(quick=True, **environment) as here:
        drained = drain(here, contender, orders, *how)
    page.say(drained)
    return drained


def _row(ours: Drained, peer: Drained, target: float | None) -> Row:
    return Row("drain, bank at once, orders/s", ours.rate, peer.name, peer.rate, target)
