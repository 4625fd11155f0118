"""POST /api/orders as a signed-in customer, compared with a Flask view with one INSERT."""

from __future__ import annotations

from pathlib import Path

from benchmarks.doors import Served, customers, load, open_door, strangers
from benchmarks.ground import Ground
from benchmarks.report import Page, Row
from benchmarks.run import Run
from benchmarks.site import Site

TITLE = "POST /api/orders (JWT, validation, prices, order and run committed)"
CAVEATS = (
    "No worker runs; waves are sent to the broker all the same. Carts were filled and customers signed in before.",
    "The generator shares the machine: a closed loop of kept-alive connections in a process of its own.",
    "Both are on the same server with as many threads; the best of 8, 24 and 64 connections counts for each.",
)
CONNECTIONS = (8, 24, 64)
SECONDS, WARM_UP = 8.0, 1.0
CUSTOMERS = 5000  # for each number of connections; the load ends early when all have ordered
PEER = "benchmarks.peers.one_insert"


def measure(run: Run, page: Page) -> None:
    for site in run.sites:
        ours, peer = accepting(run, site, page), _peer(run, site, page)
        target = 0.5 if site is run.services else None
        page.row(Row(f"POST /api/orders, {site.pair}, orders/s", ours.rate, "Flask, one INSERT", peer.rate, target))


def accepting(run: Run, site: Site, page: Page) -> Served:
    """Return the figure of POST /api/orders on this site, measured once per run of the benchmarks."""
    if site.pair not in run.accepting:
        run.accepting[site.pair] = _ours(run, site, page)
    return run.accepting[site.pair]


def _ours(run: Run, site: Site, page: Page) -> Served:
    with site.ground() as here:
        open_door(here)
        return _best(run, here, page, {n: customers(here, run.some(CUSTOMERS), f"at{n}") for n in CONNECTIONS})


def _peer(run: Run, site: Site, page: Page) -> Served:
    with site.ground() as here:
        here.run(PEER, "prepare")
        open_door(here, f"{PEER}:app")
        return _best(run, here, page, dict.fromkeys(CONNECTIONS, strangers(here, run.some(20_000))))


def _best(run: Run, here: Ground, page: Page, comers: dict[int, Path]) -> Served:
    found = []
    for connections, tokens in comers.items():
        found.append(load(here, tokens, connections, run.seconds(SECONDS), WARM_UP))
        page.say(f"{here.pair:9} {here.children[-1].argv[-1]:30} {connections:3} connections {found[-1]}")
    return max(found, key=lambda served: served.rate)
