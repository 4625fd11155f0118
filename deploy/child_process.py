"""A child process of the supervisor: it has its own process group and log file, and does not outlive the supervisor."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from deploy.console import tell
from server.listening import HANDED_OVER

ROOT = Path(__file__).parent.parent
PR_SET_PDEATHSIG = 1


class Child:
    """A process that can be started again and again. Killing it kills its whole process group."""

    def __init__(
        self,
        name: str,
        argv: tuple[str, ...],
        environment: dict[str, str],
        log: Path,
        listener: socket.socket | None = None,
    ) -> None:
        """listener: a socket that stays open here, and that each process started accepts connections from."""
        handed_over = {HANDED_OVER: str(listener.fileno())} if listener else {}
        self.name, self.argv, self.environment, self.log = name, argv, environment | handed_over, log
        self._handles = (listener.fileno(),) if listener else ()
        self._running: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._running is not None, f"{self.name} was not started"
        return self._running.pid

    def start(self) -> None:
        """Start the process, after killing what is left of the one before. Raises OSError if it cannot start."""
        self.kill()
        with self._open_log() as log:
            self._running = subprocess.Popen(
                self.argv,
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=self._handles,
                preexec_fn=_end_with(os.getpid()),  # noqa: PLW1509 - one system call, which takes no lock
            )

    def exit_code(self) -> int | None:
        """Return the exit code, negative for a signal; None while it runs, 0 if it was never started.

        The process is not reaped, so that its pid is not reused: see `bury`.
        """
        return ended_with(self._running) if self._running else 0

    def ask_to_stop(self) -> None:
        """Send SIGTERM to the process, not to its group; nothing if it has ended."""
        if self._running and self.exit_code() is None:
            os.kill(self.pid, signal.SIGTERM)  # Popen.terminate would reap one that has just ended

    def send(self, sign: signal.Signals) -> None:
        """Send a signal to the whole process group, unless the process was reaped."""
        if self._running and self._running.returncode is None:
            signal_group(self.pid, sign)

    def kill(self) -> None:
        """Kill the process group, which may have outlived its leader, and reap the process. Safe to call twice."""
        if self._running:
            bury(self._running)

    def last_lines(self, count: int = 15) -> list[str]:
        try:
            return self.log.read_text(errors="replace").splitlines()[-count:]
        except OSError as error:
            return [f"{self.log} can not be read: {error.strerror}"]

    def _open_log(self) -> BinaryIO:
        """Open the log to append; if it cannot be opened, /dev/null: the process matters more than its log."""
        try:
            return self.log.open("ab")
        except OSError as error:
            tell(self.name, f"{self.log} can not be opened: {error.strerror}. What it says is lost", "red")
            return open(os.devnull, "ab")


def signal_group(pid: int, sign: signal.Signals = signal.SIGKILL) -> None:
    with suppress(ProcessLookupError):  # all gone already
        os.killpg(pid, sign)


def ended_with(leader: subprocess.Popen[bytes]) -> int | None:
    """Return the exit code as `poll` does, None while it runs, but do not reap: until then its pid is not reused."""
    if leader.returncode is not None or not hasattr(os, "waitid"):  # macOS has it from Python 3.13
        return leader.poll()
    try:
        found = os.waitid(os.P_PID, leader.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return leader.wait()  # another thread has just reaped it; wait returns its exit code
    if found is None:
        return None
    return found.si_status if found.si_code == os.CLD_EXITED else -found.si_status


def bury(leader: subprocess.Popen[bytes]) -> None:
    """Kill what is left of the process group, then reap the leader, after which its pid may be reused."""
    if leader.returncode is None:
        signal_group(leader.pid)
        leader.wait()


def _end_with(parent: int) -> Callable[[], None] | None:
    """Return a `preexec_fn` by which the kernel sends SIGTERM when the parent dies; None elsewhere than on Linux."""
    if not sys.platform.startswith("linux"):
        return None
    library = ctypes.CDLL(None, use_errno=True)

    def prepare() -> None:
        library.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # the parent died before the call
            os._exit(1)

    return prepare
