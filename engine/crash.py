"""Named crash points: drills arm one through the environment, and the process dies there, once, as by kill -9.

ORDERWAVE_CRASH=payments.charge:after_call   which task, at which point
ORDERWAVE_CRASH_ONCE=/some/file              made by the process that dies; while it exists no other process does
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

POINTS = ("before_transaction", "after_transaction", "after_call", "after_record", "after_publish")


def at(point: str, task: str) -> None:
    """Kill this process if the environment names this point of this task."""
    armed = os.environ.get("ORDERWAVE_CRASH")
    if armed == f"{task}:{point}" and _first():
        os.kill(os.getpid(), signal.SIGKILL)


def _first() -> bool:
    once = os.environ.get("ORDERWAVE_CRASH_ONCE")
    if once is None:
        return True
    try:
        Path(once).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True
