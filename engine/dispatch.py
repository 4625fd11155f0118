"""Sending runs to workers: after the commit, in waves, without the caller waiting for the broker.

A run that comes in a quiet moment leaves at once. When busy, runs gather, the longer the busier: bigger waves cost
less for each run. They gather longer still while the broker has waves queued,
since these would wait there anyway. A wave that is full leaves at once, and the runs left over wait for the
next. What could not be sent is forgotten here; the sweep sends it.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from kombu.messaging import Producer
from sqlalchemy.orm import Session

from celery_app import app, queue_of
from db import at_commit
from engine.limits import WAVE
from engine.plan import Plan
from engine.send_buffer import SendBuffer

log = logging.getLogger(__name__)

RECENT = 0.25  # seconds over which a process judges how busy it is
EACH = 0.01  # seconds of gathering for every run that came recently
LONG = 0.3  # seconds of gathering at most while the broker keeps up
LONGEST = 2.0  # and while it does not: well below PATIENCE, or the sweep would send the runs as well
BEHIND = 4  # with more waves than this in its queue the broker does not keep up
MOST_WAITING = 50_000
GOODBYE = 3.0  # seconds that an ending process waits for its last waves to leave


class ChainPosition(NamedTuple):
    plan: Plan
    step: int
    direction: str


Parcel = tuple[ChainPosition, str]
"""A run's id and where it stands."""


def send_after_commit(session: Session, plan: Plan, step: int, direction: str, ids: Sequence[str]) -> None:
    """Hand these runs to the flusher once, and only if, the session's transaction is committed. Returns at once."""
    at_commit(session, _take, [(ChainPosition(plan, step, direction), id) for id in ids])


def _take(parcels: list[Parcel]) -> None:
    flusher().take(parcels)


def send(producer: Producer, place: ChainPosition, ids: Sequence[str], *, suspect: bool = False) -> None:
    """Send one wave: a native chain of immutable signatures, one for each step that is left.

    suspect: these runs were lost before; the worker that takes them counts it first (`claim.note_claim`).
    """
    tasks = place.plan.tail(place.step, place.direction)
    signatures = [app.signature(task, args=(list(ids),), immutable=True, queue=queue_of(task)) for task in tasks]
    first, *rest = signatures
    if suspect:
        first.kwargs["suspect"] = True
    first.apply_async(producer=producer, retry=False, chain=rest[::-1])  # as `chain` does, which forgets the producer


def send_all(parcels: Iterable[Parcel], wave: int = WAVE, *, suspect: bool = False) -> int:
    """Send every run, those at the same place together in waves of `wave`. Returns how many waves were sent.

    Raises what kombu raises when the broker is away; waves sent before that stay sent.
    """
    groups: dict[ChainPosition, list[str]] = defaultdict(list)
    for place, id in parcels:
        groups[place].append(id)
    sent = 0
    with app.producer_pool.acquire(block=True) as producer:
        for place, ids in groups.items():
            for start in range(0, len(ids), wave):
                send(producer, place, ids[start : start + wave], suspect=suspect)
                sent += 1
    return sent


class Flusher:
    """A thread that gathers runs and sends them, one for each process that starts runs."""

    def __init__(self) -> None:
        self._waiting: SendBuffer[ChainPosition] = SendBuffer()
        self._some = threading.Condition()
        self._arrivals: deque[float] = deque(maxlen=int(LONG / EACH) + 1)
        self._stretch = 1.0
        self._last = 0.0
        self._sending = False
        threading.Thread(target=self._run, name="flusher", daemon=True).start()

    def take(self, parcels: list[Parcel]) -> None:
        """Accept runs to be sent. Beyond MOST_WAITING they are left to the sweep."""
        with self._some:
            if len(self._waiting) < MOST_WAITING:
                self._waiting.add(parcels)
            self._arrivals.extend([time.monotonic()] * len(parcels))
            self._some.notify_all()

    def wait_until_sent(self, seconds: float) -> bool:
        """Wait up to so many seconds; return whether all that was taken has left, or was left to the sweep, by then."""
        with self._some:
            return self._some.wait_for(lambda: not self._waiting and not self._sending, seconds)

    def _run(self) -> None:
        while True:
            parcels = self._gather()
            try:
                send_all(parcels)
                self._stretch = self._next_stretch(parcels)
            except Exception as error:
                # Whatever the broker's trouble, the runs are committed and the sweep will send them.
                log.warning("could not send %d runs, the sweep will: %r", len(parcels), error)
                time.sleep(0.5)
            with self._some:
                self._sending = False
                self._some.notify_all()

    def _gather(self) -> list[Parcel]:
        """Return all runs once they have waited long enough; until then only full waves."""
        with self._some:
            self._some.wait_for(lambda: len(self._waiting))
            self._sending = True
            rest = self._last + self._pause() - time.monotonic()
            if rest > 0 and self._some.wait_for(self._waiting.has_full_wave, timeout=rest):
                return self._waiting.take_full_waves()
            self._last = time.monotonic()
            return self._waiting.take_all()

    def _pause(self) -> float:
        """Return how many seconds to gather: none in a quiet moment; the busier, the longer."""
        since = time.monotonic() - RECENT
        recent = sum(at > since for at in list(self._arrivals))
        return min(LONGEST, min(LONG, EACH * recent) * self._stretch) if recent > 2 else 0.0

    def _next_stretch(self, parcels: list[Parcel]) -> float:
        """Return the factor of the next pause: doubled while waves queue up in the broker, halved once they do not."""
        if len(parcels) < 4 and self._stretch == 1.0:
            return 1.0
        waiting = _queued(parcels[0][0])
        longer = self._stretch * 2 if waiting > BEHIND else self._stretch / 2 if waiting < 2 else self._stretch
        return max(1.0, min(LONGEST / LONG, longer))


def _queued(place: ChainPosition) -> int:
    """Ask the broker how many messages wait in the queue of this wave's first step."""
    queue = queue_of(place.plan.task(place.step, place.direction))
    with app.pool.acquire(block=True) as connection, connection.channel() as channel:
        return int(channel.queue_declare(queue, passive=True).message_count)


_flushers: dict[int, Flusher] = {}
_making = threading.Lock()


def flusher() -> Flusher:
    """Return this process's flusher, making it at the first call. A forked child has its own."""
    pid = os.getpid()
    if pid not in _flushers:
        with _making:
            if pid not in _flushers:
                _flushers[pid] = Flusher()
                atexit.register(finish_sending, GOODBYE)
    return _flushers[pid]


def finish_sending(seconds: float) -> bool:
    """Wait, before the process ends, until all its runs are sent; return whether they are after so many seconds.

    The sweep would send them later.
    """
    return os.getpid() not in _flushers or _flushers[os.getpid()].wait_until_sent(seconds)
