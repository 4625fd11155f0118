"""Drain of orders for one SKU, compared with orders spread over fifty."""

from __future__ import annotations

from benchmarks.contenders import SHIPPED
from benchmarks.measures.drain import one
from benchmarks.report import Page, Row
from benchmarks.run import Run

TITLE = "one hot SKU"
CAVEATS = ("The peer is our own drain of orders spread over 50 SKUs. The better of two goes of each counts.",)
GOES = 2


def measure(run: Run, page: Page) -> None:
    site, orders = run.main, run.some(2000)
    spread = max(one(site, page, SHIPPED, orders).rate for _ in range(GOES))
    hot = max(one(site, page, SHIPPED, orders, "hot").rate for _ in range(GOES))
    page.row(Row("drain, one hot SKU, orders/s", hot, "Orderwave, 50 SKUs", spread, 0.8))
