"""The bounded pool of threads in which a process makes remote calls, and the leases it holds meanwhile."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple

from sqlalchemy import select, update

from config import settings
from db import in_transaction
from db.functions import in_list, in_seconds
from engine.limits import LEASE
from engine.states import Hold
from engine.tables import RunRow


class Held(NamedTuple):
    """A call of this process. A run may have two: a process that stood still may claim its own run once more."""

    run: str
    version: int


class Calls:
    """A pool of at most `size` calls at once. A task that finds no room waits before it claims anything.

    A lease is held until the answer is recorded: the database may be away for longer than the call took.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._pool = ThreadPoolExecutor(size, thread_name_prefix="call")
        self._flying: set[Held] = set()
        self._renewed: dict[Held, float] = {}  # last renewal of each call under way, or not yet recorded
        self._room = threading.Condition()

    def wait_for_room(self, wanted: int) -> None:
        """Block until this many calls (at most `size`) could begin. Reserves nothing."""
        with self._room:
            self._room.wait_for(lambda: len(self._flying) + min(wanted, self._size) <= self._size)

    def submit(self, function: Callable[..., Any], *args: Any, run: str, version: int) -> Future[Any]:
        """Call `function` in a thread and keep the lease of this run and version until `let_go`."""
        call = Held(run, version)
        with self._room:
            self._flying.add(call)
            self._renewed[call] = time.monotonic()
        future = self._pool.submit(function, *args)
        future.add_done_callback(lambda _: self._landed(call))
        return future

    @property
    def held(self) -> int:
        """Return how many calls are under way, or answered and not yet recorded."""
        return len(self._renewed)

    def let_go(self, calls: Iterable[tuple[str, int]]) -> None:
        """Stop renewing the leases of these calls (run, version): their answers are recorded, or never will be."""
        with self._room:
            for run, version in calls:
                self._renewed.pop(Held(run, version), None)

    def renew_leases(self) -> None:
        """Renew the leases that are older than a third of LEASE. To be called about once a second."""
        now = time.monotonic()
        with self._room:
            old = [call for call, at in self._renewed.items() if at < now - LEASE / 3]
        if not old:
            return
        ids = sorted({call.run for call in old})
        in_transaction(lambda session: session.execute(_RENEW, {"ids": ids}))
        with self._room:
            self._renewed |= {call: now for call in old if call in self._renewed}

    def _landed(self, call: Held) -> None:
        with self._room:
            self._flying.discard(call)
            self._room.notify_all()


# SKIP LOCKED: a run that is just being recorded must not keep the others from being renewed.
_FREE = (
    select(RunRow.id)
    .where(in_list(RunRow.id, "ids"), RunRow.hold == Hold.CALL)
    .order_by(RunRow.id)
    .with_for_update(skip_locked=True, key_share=True)
)
_RENEW = (
    update(RunRow)
    .where(RunRow.id.in_(_FREE))
    .values(lease_until=in_seconds(LEASE))
    .execution_options(synchronize_session=False)
)

_pools: dict[int, Calls] = {}
_making = threading.Lock()


def calls() -> Calls:
    """Return this process's pool, making it at the first call. A forked child has its own."""
    with _making:
        if os.getpid() not in _pools:
            _pools[os.getpid()] = Calls(settings().call_threads)
        return _pools[os.getpid()]
