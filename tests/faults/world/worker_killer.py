"""A task that kills the worker that takes it (EXTRA_TASK_MODULES)."""

from __future__ import annotations

import os
import signal

from celery_app import app, noun_of

MODULE = __name__
NOUN = noun_of(MODULE)
TASK = f"{NOUN}.swallow"


@app.task(name=TASK)
def swallow(*_: object) -> None:
    """Kill the worker, as a bug in C does, or the kernel at a memory leak."""
    os.kill(os.getpid(), signal.SIGKILL)
