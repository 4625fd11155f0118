"""The processes that share the socket. The parent serves no client: it replaces a process that dies, and stops all."""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NoReturn

SHORT = 5.0
"""Seconds. A process that dies sooner would die again: all are stopped, and the supervisor sees the exit code."""

log = logging.getLogger("server")


class Workers:
    def __init__(self, number: int, serve: Callable[[int | None], None], patience: float) -> None:
        self._number, self._serve, self._patience = number, serve, patience
        self._started: dict[int, float] = {}
        self._stopping = False
        self._failed = False

    def run(self) -> int:
        """Run the processes until asked to stop, or until one dies within SHORT seconds. Returns the exit code."""
        self._read, self._write = os.pipe()  # the children see it close when the parent ends, however it ends
        for sign in (signal.SIGTERM, signal.SIGINT):
            signal.signal(sign, self._stop)
        signal.signal(signal.SIGALRM, self._kill)
        for _ in range(self._number):
            self._fork()
        while self._started:
            pid, status = os.waitpid(-1, 0)
            self._ended(pid, os.waitstatus_to_exitcode(status))
        return 1 if self._failed else 0

    def _fork(self) -> None:
        pid = os.fork()
        if not pid:
            self._be_one()
        self._started[pid] = time.monotonic()
        if self._stopping:
            os.kill(pid, signal.SIGTERM)  # the signal came before the fork was noted

    def _be_one(self) -> NoReturn:
        os.close(self._write)
        for sign in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM):
            signal.signal(sign, signal.SIG_DFL)
        code = 1
        try:
            self._serve(self._read)
            code = 0
        except BaseException:
            log.exception("a process of the server ended")
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)  # atexit functions of the parent must not run in a child

    def _ended(self, pid: int, code: int) -> None:
        lived = time.monotonic() - self._started.pop(pid)
        if self._stopping:
            return
        log.error("process %s ended with %s after %.1f s", pid, code, lived)
        if lived < SHORT:
            self._failed = True
            self._stop()
        else:
            self._fork()

    def _stop(self, *_: Any) -> None:
        self._stopping = True
        self._tell_all(signal.SIGTERM)
        signal.setitimer(signal.ITIMER_REAL, self._patience)

    def _kill(self, *_: Any) -> None:
        self._tell_all(signal.SIGKILL)

    def _tell_all(self, sign: signal.Signals) -> None:
        for pid in self._started:
            with suppress(ProcessLookupError):  # it has just ended, and the signal came before that was noted
                os.kill(pid, sign)
