"""The contenders: Orderwave in several set-ups, and its peers. Each has a way to begin orders, and its processes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from benchmarks.ground import Ground
from deploy import processes

QUIET = ("-l", "WARNING", "--without-gossip", "--without-mingle")


@dataclass(frozen=True)
class Line:
    """One process of a contender."""

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Contender:
    """A system to be measured. Call `make_ready` once in a ground, then `start`."""

    name: str
    module: str  # in benchmarks.peers: how an order is begun
    lines: Callable[[Ground], list[Line]]
    app: str | None = None  # the Celery app, to ask how many tasks ran
    prepare: tuple[str, ...] = ()  # arguments of the module that make what it needs in the database

    def make_ready(self, here: Ground) -> None:
        if self.prepare:
            here.run(self.module, *self.prepare)

    def start(self, here: Ground) -> None:
        for line in self.lines(here):
            here.start(line.name, line.argv, **line.environment)


def celery(app: str, name: str, *options: str, **environment: str) -> Line:
    argv = (sys.executable, "-m", "celery", "-A", app, "worker", "-n", f"{name}@%h", *options, *QUIET)
    return Line(name, argv, environment)


# --- ours ------------------------------------------------------------------------------------------


def _orderwave(name: str, lines: Callable[[Ground], list[Line]]) -> Contender:
    return Contender(f"Orderwave, {name}", "benchmarks.peers.orderwave", lines, app="celery_app")


def _as_shipped(here: Ground) -> list[Line]:
    return [Line(process.name, process.argv) for process in processes.workers(here.settings)]


def _threaded(number: int) -> Line:
    """A worker for all queues."""
    return celery("celery_app", f"ours{number}", "-P", "threads", "-c", "4")


# `-P prefork` is Celery's default and so gives way to the threads of our settings; `processes` is the same pool.
PREFORK = _orderwave("prefork 2", lambda _: [celery("celery_app", "ours", "-P", "processes", "-c", "2")])
THREADS = _orderwave("2 workers of 4 threads", lambda _: [_threaded(1), _threaded(2)])
SHIPPED = _orderwave("as shipped", _as_shipped)
OURS = (PREFORK, THREADS, SHIPPED)


def pinned(cores: int) -> Contender:
    """Orderwave with one worker of 4 threads pinned to each of the first `cores` cores."""
    lines = [_threaded(number) for number in range(cores)]
    held = [Line(line.name, ("taskset", "-c", str(core), *line.argv)) for core, line in enumerate(lines)]
    return _orderwave(f"{cores} pinned worker{'s' * (cores > 1)}", lambda _: held)


# --- peers -----------------------------------------------------------------------------------------


def bare_chain(pool: str, concurrency: int, workers: int = 1) -> Contender:
    app, options = "benchmarks.peers.bare_chain", ("-P", pool, "-c", str(concurrency))
    threads = {"PEER_THREADS": str(concurrency if pool == "threads" else 1)}
    lines = [celery(app, f"bare{number}", *options, **threads) for number in range(workers)]
    several = f"{workers} workers, " if workers > 1 else ""
    return Contender(f"bare chain, {several}{pool} {concurrency}", app, lambda _: lines, app=app)


def dbos(threads: int, workers: int = 2, polling: float = 0.05, *, transactions: bool = False) -> Contender:
    """DBOS with plain steps, or with datasource transactions, which are exactly once and cost more.

    polling: seconds between two looks at its queue.
    """
    module = "benchmarks.peers.dbos_queue"
    environment = {"PEER_THREADS": str(threads), "PEER_POLLING": str(polling), "PEER_EXACT": str(int(transactions))}
    lines = [
        Line(f"dbos{number}", (sys.executable, "-m", module, "serve", str(number)), environment)
        for number in range(workers)
    ]
    kind = "transactions" if transactions else "steps"
    return Contender(f"DBOS {kind}, {workers} processes of {threads}", module, lambda _: lines, prepare=("prepare",))


def loops(workers: int = 2) -> Contender:
    module = "benchmarks.peers.loop"
    lines = [Line(f"loop{number}", (sys.executable, "-m", module, "serve")) for number in range(workers)]
    return Contender(f"{workers} looping processes", module, lambda _: lines, prepare=("prepare",))
