"""A process of ours: starts in a group of its own, logs into a file, and does not outlive us."""

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
    """`start`, look with `exit_code`, `ask_to_stop`, `kill`. Always the whole group."""

    def __init__(
        self,
        name: str,
        argv: tuple[str, ...],
        environment: dict[str, str],
        log: Path,
        listener: socket.socket | None = None,
    ) -> None:
        """listener: a socket that stays ours, and that each one we start accepts from."""
        handed_over = {HANDED_OVER: str(listener.fileno())} if listener else {}
        self.name, self.argv, self.environment, self.log = name, argv, environment | handed_over, log
        self._handles = (listener.fileno(),) if listener else ()
        self._running: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._running is not None, f"{self.name} was not started"
        return self._running.pid

    def start(self) -> None:
        self.kill()  # what is left of the one before
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
        """None while it runs. It is not buried yet: see `bury`."""
        return ended_with(self._running) if self._running else 0

    def ask_to_stop(self) -> None:
        if self._running and self.exit_code() is None:
            os.kill(self.pid, signal.SIGTERM)  # Popen's own would bury one that has just ended

    def send(self, sign: signal.Signals) -> None:
        """To the whole group, unless it is buried."""
        if self._running and self._running.returncode is None:
            signal_group(self.pid, sign)

    def kill(self) -> None:
        """The group, which may have outlived its leader."""
        if self._running:
            bury(self._running)

    def last_lines(self, count: int = 15) -> list[str]:
        try:
            return self.log.read_text(errors="replace").splitlines()[-count:]
        except OSError as error:
            return [f"{self.log} can not be read: {error.strerror}"]

    def _open_log(self) -> BinaryIO:
        """Where there is no room for a log, what the process says is lost, and not the process."""
        try:
            return self.log.open("ab")
        except OSError as error:
            tell(self.name, f"{self.log} can not be opened: {error.strerror}. What it says is lost", "red")
            return open(os.devnull, "ab")


def signal_group(pid: int, sign: signal.Signals = signal.SIGKILL) -> None:
    with suppress(ProcessLookupError):  # all gone already
        os.killpg(pid, sign)


def ended_with(leader: subprocess.Popen[bytes]) -> int | None:
    """As `poll`, but a leader that is dead is left where it lies: as long as it does, its number is nobody else's."""
    if leader.returncode is not None or not hasattr(os, "waitid"):  # macOS has it from Python 3.13
        return leader.poll()
    try:
        found = os.waitid(os.P_PID, leader.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return leader.wait()  # another thread has just buried it, and tells
    if found is None:
        return None
    return found.si_status if found.si_code == os.CLD_EXITED else -found.si_status


def bury(leader: subprocess.Popen[bytes]) -> None:
    """Kill what is left of its group, then wait for it. Once that is done its number may be a stranger's."""
    if leader.returncode is None:
        signal_group(leader.pid)
        leader.wait()


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
