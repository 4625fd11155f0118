"""Hold an answer until a job changes. Bounded per process, so that waiting requests cannot keep out the others."""

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
    """Return once the job's tag is no longer `seen`, or the time (in seconds) is up; at once if `seen` is final.

    No database connection is held while sleeping. Returns at once when JOB_WAITERS requests wait in this process.
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
    """Return the semaphore of this process; a forked child has its own."""
    return _waiters.setdefault(os.getpid(), threading.BoundedSemaphore(settings().job_waiters))
