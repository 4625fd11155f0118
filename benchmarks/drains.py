"""Measure a drain: orders are accepted while no worker runs, then the workers start and finish them.

The time is the database's, from the start of the first order's first transaction to the record of the last order's
last step; the start of the workers is not in it. The cost is read from the kernel, PostgreSQL and the workers.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks import proc
from benchmarks.contenders import Contender
from benchmarks.ground import Died, Ground
from benchmarks.times import seconds

TOLD = "SELECT count(*) FROM notifications WHERE state = 'sent'"
WORK = {
    "orders": "status = 'confirmed' AND payment_status = 'paid'",
    "reservations": "state = 'sold'",
    "stock_movements": "kind = 'sale'",
    "payments": "status = 'captured' AND captured = amount",
    "payment_transactions": "kind = 'capture'",
    "order_events": "to_status = 'confirmed'",
    "notifications": "event = 'order_confirmed' AND state = 'sent'",
}
"""Every finished order has one row of each, so that all contenders do the same work."""


@dataclass(frozen=True)
class Drained:
    """The result of one drain."""

    name: str
    orders: int
    rate: float  # orders a second
    accepted: float  # orders a second
    cost: Mapping[str, float]  # of one order

    def __str__(self) -> str:
        costs = "  ".join(f"{name} {value:.2f}" for name, value in self.cost.items())
        return f"{self.name:34} {self.rate:7.0f} orders/s of {self.orders} (accepted at {self.accepted:.0f}/s)  {costs}"


def drain(here: Ground, contender: Contender, orders: int, *how: str) -> Drained:
    """Accept `orders` orders, start the contender, wait until it has finished them, and stop it.

    how: further arguments of the act `accept` (`hot`). Raises Died if a process ends, if it takes too long, or if the
    work is incomplete.
    """
    before = here.ask(TOLD)
    contender.make_ready(here)
    accepted = here.learn("benchmarks.acts.accept", contender.module, orders, *how)
    here.do("ANALYZE")
    commits = _commits(here)
    contender.start(here)
    cpu, ended = _watch(here, before, orders)
    tasks = here.learn("benchmarks.acts.count_tasks", contender.app) if contender.app else None
    begun = _begun(here, before)
    here.stop()
    check_work(here, before + orders)
    cost = {"messages": tasks, "commits": _more_commits(here, commits), **{f"ms {n}": 1000 * s for n, s in cpu.items()}}
    each = {name: value / orders for name, value in cost.items() if value is not None}
    return Drained(contender.name, orders, orders / (ended - begun), accepted, each)


def check_work(here: Ground, orders: int) -> None:
    """Raise Died unless the tables have exactly one row of each kind in WORK for every order."""
    done = {table: here.ask(f"SELECT count(*) FROM {table} WHERE {mark}") for table, mark in WORK.items()}
    if set(done.values()) != {orders}:
        raise Died(f"{orders} orders were to be carried out, but the tables say {done}")


def _watch(here: Ground, before: int, orders: int) -> tuple[dict[str, float], float]:
    """Return the CPU seconds between the first reservation and the last notification, and the time of the latter."""
    here.wait(lambda: here.ask("SELECT count(*) FROM reservations") > before, "the first order", pause=0.02)
    first = _cpu(here)
    here.wait(lambda: here.ask(TOLD) >= before + orders, f"{orders} orders to be through")
    taken = {name: value - first[name] for name, value in _cpu(here).items()}
    return taken, last_told(here)


def last_told(here: Ground) -> float:
    """Return when the last order was finished, in seconds since 1970 by the database's clock."""
    return float(here.ask(f"SELECT {_seconds(here, 'max(updated_at)')} FROM notifications"))


def _begun(here: Ground, before: int) -> float:
    """Return when the first reservation of this drain was made, in seconds since 1970.

    `expires_at` is the start of its transaction plus the minutes that a reservation lasts.
    """
    newest = f"(SELECT expires_at FROM reservations ORDER BY expires_at LIMIT 1 OFFSET {before})"
    return float(here.ask(f"SELECT {_seconds(here, newest)}")) - 60.0 * here.settings.reservation_minutes


def _cpu(here: Ground) -> dict[str, float]:
    workers = proc.cpu_of_groups({child.pid for child in here.children})
    services = proc.cpu_of_services() if here.pair == "services" else {}
    return {"workers": workers, **services}


def _commits(here: Ground) -> int | None:
    """Return PostgreSQL's count of commits, less the ground's own queries; None on SQLite."""
    if here.settings.on_sqlite:
        return None
    time.sleep(1.5)  # a backend reports once a second, and when it ends
    counted = here.ask("SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()")
    return int(counted) - here.asked


def _more_commits(here: Ground, before: int | None) -> int | None:
    return None if before is None else (_commits(here) or 0) - before


def _seconds(here: Ground, moment: str) -> str:
    return seconds(moment, sqlite=here.settings.on_sqlite)
