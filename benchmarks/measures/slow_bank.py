"""Drain of accepted orders with a bank that takes 200 ms for each charge."""

from __future__ import annotations

from benchmarks.contenders import OURS, bare_chain, dbos
from benchmarks.measures.drain import best, one
from benchmarks.report import Page, Row
from benchmarks.run import Run

TITLE = "drain with a bank that takes 200 ms"
CAVEATS = (
    "The bank is a sleep in the process that calls it (INSTANT_BANK_MS), however many call at once.",
    "A chain's step holds its thread and its connection during the call; ours holds neither transaction nor lock.",
)
SLOW = {"INSTANT_BANK_MS": "200"}
CHAINS = (bare_chain("threads", 64), bare_chain("threads", 32, workers=2))
PEER_ORDERS = 400


def measure(run: Run, page: Page) -> None:
    site = run.main
    ours = best(site, page, OURS, run.some(2000), **SLOW)
    peers = [(best(site, page, CHAINS, run.some(PEER_ORDERS), **SLOW), 5.0)]
    if site is run.services:
        peers.append((one(site, page, dbos(24), run.some(PEER_ORDERS), **SLOW), 10.0))
    for peer, target in peers:
        page.row(Row("drain, bank takes 200 ms, orders/s", ours.rate, peer.name, peer.rate, target))
