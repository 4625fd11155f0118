"""Processes that do nothing but sweep, twenty times as often as a worker does."""

from __future__ import annotations

import importlib
import os
import signal
import sys
import threading
from typing import Self

from celery_app import task_modules
from deploy.processes import Process
from engine.sweep import sweep
from tests.sandboxes import wait_until
from tests.stack import Handle, Stack

PAUSE = 0.05  # seconds
READY = "sweeps"


class Sweepers:
    """Sweeping processes during a block. An error ends its process, and fails the test at the end of the block."""

    def __init__(self, stack: Stack, count: int = 6) -> None:
        processes = [Process(f"sweeper-{n}", (sys.executable, "-m", __name__)) for n in range(count)]
        self._handles = [Handle(stack.settings, process, stack.environment) for process in processes]

    def __enter__(self) -> Self:
        for handle in self._handles:
            handle.launch()
        wait_until(lambda: all(map(_sweeps, self._handles)), seconds=60, what="all of them to sweep")
        return self

    def __exit__(self, *_: object) -> None:
        for handle in self._handles:
            handle.stop()
        for handle in self._handles:
            assert handle.exit_code == 0, f"{handle.name} ended with {handle.exit_code}:\n{handle.tail()}"


def _sweeps(handle: Handle) -> bool:
    return f"{handle.pid} {READY}" in handle.tail()


def main() -> None:
    """Sweep until SIGTERM. Imports every step and hook, as a worker does."""
    for module in (*task_modules(), "workflows"):
        importlib.import_module(module)
    over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: over.set())
    print(os.getpid(), READY, flush=True)
    while not over.wait(PAUSE):
        sweep()


if __name__ == "__main__":
    main()
