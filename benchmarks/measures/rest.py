"""Sustained load from the request to the final state, with API and workers on the same cores."""

from __future__ import annotations

from benchmarks.contenders import SHIPPED
from benchmarks.doors import customers, load, open_door
from benchmarks.drains import TOLD, check_work, last_told
from benchmarks.measures.accept import CONNECTIONS, accepting
from benchmarks.report import Page, Row
from benchmarks.run import Run
from benchmarks.site import Site

TITLE = "REST to final state, sustained, API and workers sharing the two cores"
CAVEATS = (
    "Orders divided by the time from the first answer to the last order's last step: what was still under way when"
    " the load ended is waited for, so that no backlog is counted as done.",
    "The peer is the rate at which the API alone accepts, in the same run, with the best number of connections each.",
)
SECONDS = 20.0
CUSTOMERS = 8000


def measure(run: Run, page: Page) -> None:
    for site in run.sites:
        accepted = accepting(run, site, page).rate
        finished = max(_sustained(run, site, page, connections) for connections in CONNECTIONS)
        target = 0.7 if site is run.services else None
        page.row(Row(f"REST to final state, {site.pair}, orders/s", finished, "accepted alone", accepted, target))


def _sustained(run: Run, site: Site, page: Page, connections: int) -> float:
    with site.ground() as here:
        tokens = customers(here, run.some(CUSTOMERS), "everybody")
        SHIPPED.start(here)
        open_door(here)
        served = load(here, tokens, connections, run.seconds(SECONDS))
        at_once = here.ask(TOLD)
        here.wait(lambda: here.ask(TOLD) >= served.answers, f"{served.answers} orders to be through")
        check_work(here, served.answers)
        rate = served.answers / (last_told(here) - served.first)
        page.say(f"{site.pair:9} {connections:3} connections {served}")
        page.say(f"{'':9} {at_once} were through when the load ended; all of them: {rate:.0f} orders/s")
        return rate
