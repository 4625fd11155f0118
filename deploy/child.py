"""A process of ours: starts in a group of its own, logs into a file, and does not outlive us."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).parent.parent
PR_SET_PDEATHSIG = 1


class Child:
    """`start`, look with `exit_code`, `ask_to_stop`, `kill`. Always the whole group."""

    def __init__(self, name: str, argv: tuple[str, ...], environment: dict[str, str], log: Path) -> None:
        self.name, self.argv, self.environment, self.log = name, argv, environment, log
        self._running: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._running is not None, f"{self.name} was not started"
        return self._running.pid

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._running = subprocess.Popen(
                self.argv,
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_end_with(os.getpid()),
            )

    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._running.poll() if self._running else 0

    def ask_to_stop(self) -> None:
        if self._running and self.exit_code() is None:
            self._running.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """The group, which may have outlived its leader."""
        if self._running:
            kill_group(self._running.pid)
            self._running.wait()

    def last_lines(self, count: int = 15) -> list[str]:
        return self.log.read_text(errors="replace").splitlines()[-count:]


def kill_group(pid: int) -> None:
    with suppress(ProcessLookupError):  # all gone already
        os.killpg(pid, signal.SIGKILL)


def _end_with(parent: int) -> Callable[[], None] | None:
    """On Linux the kernel itself asks a child to stop when we are gone, however we went."""
    if not sys.platform.startswith("linux"):
        return None
    library = ctypes.CDLL(None, use_errno=True)

    def prepare() -> None:
        library.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # gone before we could ask
            os._exit(1)

    return prepare
