"""GET /api/products from the cache, compared with the same without a cache."""

from __future__ import annotations

from benchmarks.doors import Served, open_door, visit
from benchmarks.report import Page, Row
from benchmarks.run import Run
from benchmarks.site import Site

TITLE = "GET /api/products (a page of 20 of 50 products, with facets)"
CAVEATS = (
    "Everybody asks for the same page, and nobody changes anything: that is what a cache is best at.",
    "The peer is our own API with CATALOGUE_CACHE_SECONDS=0. The generator shares the machine.",
)
PATH = "/api/products"
CONNECTIONS, SECONDS, WARM_UP = 24, 8.0, 1.0


def measure(run: Run, page: Page) -> None:
    for site in run.sites:
        kept, afresh = (_visited(run, site, page, seconds) for seconds in ("5", "0"))
        page.row(Row(f"GET {PATH}, {site.pair}, answers/s", kept.rate, "no cache", afresh.rate))


def _visited(run: Run, site: Site, page: Page, seconds: str) -> Served:
    with site.ground(CATALOGUE_CACHE_SECONDS=seconds) as here:
        open_door(here)
        served = visit(here, PATH, CONNECTIONS, run.seconds(SECONDS), WARM_UP)
    page.say(f"{site.pair:9} kept for {seconds} s   {served}")
    return served
