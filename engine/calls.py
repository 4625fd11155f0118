"""The bounded pool of threads in which a process talks to the outside, and the leases it holds meanwhile."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import update

from config import settings
from db import in_transaction
from engine.states import Hold
from engine.tables import RunRow
from engine.timing import LEASE
from sql import among, later


@dataclass(eq=False)
class Flight:
    """One call under way. A run may have two: a process that stood still may be given its own run once more."""

    run: str
    renewed: float = field(default_factory=time.monotonic)


class Calls:
    """At most `size` calls at once; a task that finds no room waits before it claims anything."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._pool = ThreadPoolExecutor(size, thread_name_prefix="call")
        self._flying: set[Flight] = set()
        self._room = threading.Condition()

    def wait_for_room(self, wanted: int) -> None:
        with self._room:
            self._room.wait_for(lambda: len(self._flying) + min(wanted, self._size) <= self._size)

    def submit(self, function: Callable[..., Any], *args: Any, run: str) -> Future[Any]:
        flight = Flight(run)
        with self._room:
            self._flying.add(flight)
        future = self._pool.submit(function, *args)
        future.add_done_callback(lambda _: self._landed(flight))
        return future

    def renew_leases(self) -> None:
        """Keep hold of the calls that are still under way; called about once a second."""
        now = time.monotonic()
        with self._room:
            old = [flight for flight in self._flying if flight.renewed < now - LEASE / 3]
            for flight in old:
                flight.renewed = now
        if old:
            ids = [flight.run for flight in old]
            in_transaction(lambda session: session.execute(_RENEW, {"ids": ids}))

    def _landed(self, flight: Flight) -> None:
        with self._room:
            self._flying.discard(flight)
            self._room.notify_all()


_RENEW = (
    update(RunRow)
    .where(among(RunRow.id, "ids"), RunRow.hold == Hold.CALL)
    .values(lease_until=later(LEASE))
    .execution_options(synchronize_session=False)
)

_pools: dict[int, Calls] = {}
_making = threading.Lock()


def calls() -> Calls:
    """This process's pool; a forked child has its own."""
    with _making:
        if os.getpid() not in _pools:
            _pools[os.getpid()] = Calls(settings().call_threads)
        return _pools[os.getpid()]
