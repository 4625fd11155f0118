"""A task that kills whoever takes it (EXTRA_TASK_MODULES)."""

from __future__ import annotations

import os
import signal

from celery_app import app, noun_of

MODULE = __name__
NOUN = noun_of(MODULE)
TASK = f"{NOUN}.swallow"


@app.task(name=TASK)
def swallow(*_: object) -> None:
    """As a bug in C does, or a leak that the kernel ends."""
    os.kill(os.getpid(), signal.SIGKILL)
