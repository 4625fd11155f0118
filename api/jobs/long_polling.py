"""Holding an answer until a job changes. Bounded, so that those who wait cannot keep the others out."""

from __future__ import annotations

import os
import threading
import time

import db
from config import settings
from engine import jobs

FIRST_PAUSE = 0.05
LONGEST_PAUSE = 0.2

_waiters: dict[int, threading.BoundedSemaphore] = {}


def until_changed(id: str, seen: str, seconds: float) -> None:
    """Return once the job's tag is no longer `seen`, it has ended, or the time is up.

    No connection is held while sleeping. When too many wait in this process already, nobody else does.
    """
    if jobs.is_final(seen) or not _room().acquire(blocking=False):
        return
    try:
        _watch(id, seen, time.monotonic() + seconds)
    finally:
        _room().release()


def _watch(id: str, seen: str, end: float) -> None:
    pause = FIRST_PAUSE
    while (left := end - time.monotonic()) > 0:
        time.sleep(min(pause, left))
        if _tag(id) != seen:
            return
        pause = min(LONGEST_PAUSE, pause * 1.2)


def _tag(id: str) -> str | None:
    with db.reading() as session:
        return jobs.tag(session, id)


def _room() -> threading.BoundedSemaphore:
    """This process's; a forked child has its own."""
    return _waiters.setdefault(os.getpid(), threading.BoundedSemaphore(settings().job_waiters))
