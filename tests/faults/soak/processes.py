"""Faults of our own processes: killed, stopped as by a deploy, frozen. A process that dies is started again."""

from __future__ import annotations

import os
import signal
import time
from functools import partial

from tests.faults.soak.fault import Fault
from tests.sandboxes import START_SECONDS, wait_until
from tests.stack import Handle

GRACE = 40.0  # seconds from SIGTERM until a supervisor would kill


def kills(handle: Handle, *, parts_mails: bool = False) -> Fault:
    begin, mend = handle.kill9, partial(bring_back, handle)
    return Fault(f"kill -9 {handle.name}", handle.name, begin, mend, 0.3, 5, parts_mails)


def deploys(handle: Handle, *, parts_mails: bool = False) -> Fault:
    """SIGTERM as by a deploy; the next process starts once this one has ended, or is killed after GRACE."""
    begin, mend = partial(_send, handle, signal.SIGTERM), partial(_replace, handle)
    return Fault(f"SIGTERM {handle.name}", handle.name, begin, mend, 0.3, 5, parts_mails)


def freezes(handle: Handle, *, parts_mails: bool = False) -> Fault:
    begin, mend = partial(_send, handle, signal.SIGSTOP), partial(_send, handle, signal.SIGCONT)
    return Fault(f"SIGSTOP {handle.name}", handle.name, begin, mend, 3, 20, parts_mails)


def bring_back(handle: Handle) -> None:
    """Start the process again until it is ready, as a supervisor does; fails after START_SECONDS."""
    deadline = time.monotonic() + START_SECONDS
    while not (handle.alive and handle.ready()):
        assert time.monotonic() < deadline, f"{handle.name} does not come back:\n{handle.tail()}"
        if not handle.alive:
            handle.launch()
        time.sleep(0.5)


def _replace(handle: Handle) -> None:
    try:
        wait_until(lambda: not handle.alive, seconds=GRACE, what=f"{handle.name} to end after SIGTERM")
    finally:
        handle.kill9()
        bring_back(handle)


def _send(handle: Handle, sign: signal.Signals) -> None:
    os.kill(handle.pid, sign)
