"""Many buyers for a few units of one SKU."""

from __future__ import annotations

from functools import partial
from typing import Any

from tests.faults.races.report import Report
from tests.faults.races.tabs import at_once
from tests.faults.races.two_doors import Ground, order
from tests.faults.races.watch import Watcher

HELD = "SELECT state, SUM(quantity) AS units FROM reservations WHERE sku = :sku GROUP BY state"


def units(ground: Ground, *, buyers: int = 200, stock: int = 10) -> Report:
    """Many customers order one unit each: as many are confirmed as there are units; the others are not charged."""
    report = Report(f"{buyers} buyers for {stock} units")
    sku = ground.stack.sku(on_hand=stock)
    with ground.tabs(ground.people(buyers)) as tabs, Watcher(ground.stack, sku, stock) as watcher:
        ground.fill_carts(tabs, sku)
        answers = at_once([partial(order, tab) for tab in tabs])
        kept = ground.keep(tabs, answers)
        jobs = {order.id: client.finished(order.job_id, 120) for client, order in kept}
    report.count_answers(answers, accepted=buyers)
    _count_ends(report, jobs, stock)
    _count_charges(report, ground, jobs)
    _count_units(report, ground, sku, stock)
    report.count("promised at most", watcher.most_promised, stock)
    report.figures["looks at the stock"] = watcher.looks
    report.wrong += watcher.wrong
    return report


def _count_ends(report: Report, jobs: dict[str, dict[str, Any]], units: int) -> None:
    codes = [(job["error"] or {}).get("code") for job in jobs.values()]
    report.count("confirmed", sum(job["status"] == "succeeded" for job in jobs.values()), units)
    report.count("refused as out_of_stock", codes.count("out_of_stock"), len(jobs) - units)


def _count_charges(report: Report, ground: Ground, jobs: dict[str, dict[str, Any]]) -> None:
    """Check that the bank has no charge of an order that was refused."""
    asked = {charge["reference"] for charge in ground.stack.bank.ledger()["charges"]} & jobs.keys()
    confirmed = {id for id, job in jobs.items() if job["status"] == "succeeded"}
    report.count("charged", len(asked), len(confirmed))
    report.wrong += [f"order {id} was refused, and the bank was asked for its money" for id in asked - confirmed]


def _count_units(report: Report, ground: Ground, sku: str, units: int) -> None:
    states = {row["state"]: int(row["units"]) for row in ground.stack.shelf.rows(HELD, sku=sku)}
    report.count("sold", states.get("sold", 0), units)
    report.count("still held", states.get("held", 0), 0)
