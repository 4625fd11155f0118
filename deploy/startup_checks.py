"""Prepare the start of a copy: lock its state folder, check its ports, kill the leftovers of the copy before."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from deploy.child_process import signal_group
from deploy.console import tell

PATIENCE = 3.0
RETRY = 5.0


class Refused(RuntimeError):
    """The copy cannot start; the message says why."""


@contextmanager
def only_one(state_dir: Path) -> Iterator[None]:
    """Hold the lock of the state folder; raise Refused if another copy has it. A kill -9 releases it too."""
    with (state_dir / "up.lock").open("ab+", buffering=0) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise Refused(
                f"A copy is already running in {state_dir} (process {file.read().decode().strip() or 'unknown'}). "
                "Stop it with Ctrl-C, or set STATE_DIR and PORT for a second one."
            ) from None
        file.truncate(0)
        with suppress(OSError):  # a full disk: the lock holds all the same, only our pid is not in it
            file.write(str(os.getpid()).encode())
        yield


def check_ports(wanted: Iterable[tuple[str, int]], host: str) -> None:
    """Raise Refused if one of these ports (name, port) is taken, after up to PATIENCE seconds for an ending process."""
    wanted = list(wanted)
    _within(PATIENCE, lambda: all(_is_free(port, host) for _, port in wanted))
    taken = [f"port {port} (for {name})" for name, port in wanted if not _is_free(port, host)]
    if taken:
        raise Refused(f"Taken by somebody else: {', '.join(taken)}. PORT moves all of them.")


def _within(seconds: float, true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + seconds
    while not true() and time.monotonic() < deadline:
        time.sleep(0.05)


def _is_free(port: int, host: str) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def remember(state_dir: Path, running: Mapping[str, int]) -> None:
    """Store names and pids of the running processes, so that the next start can kill those that outlived this one.

    Raises OSError when the file cannot be written.
    """
    marks = {name: [pid, _born(pid)] for name, pid in running.items()}
    fresh = state_dir / "processes.json.new"
    fresh.write_text(json.dumps(marks))
    fresh.replace(_list(state_dir))


class Roll:
    """Stores the running processes by `remember`. A failure is reported once, and retried every RETRY seconds."""

    def __init__(self, state_dir: Path) -> None:
        self._state_dir = state_dir
        self._running: Mapping[str, int] = {}
        self._again_at: float | None = None

    def write(self, running: Mapping[str, int]) -> None:
        self._running = running
        self._try()

    def catch_up(self) -> None:
        """Retry a write that failed, when it is time. To be called a few times a second."""
        if self._again_at is not None and time.monotonic() >= self._again_at:
            self._try()

    def _try(self) -> None:
        try:
            remember(self._state_dir, self._running)
        except OSError as error:
            if self._again_at is None:
                tell("supervisor", f"{_list(self._state_dir)} can not be written: {error.strerror}. Goes on", "red")
            self._again_at = time.monotonic() + RETRY
            return
        if self._again_at is not None:
            tell("supervisor", f"{_list(self._state_dir)} is written again", "green")
        self._again_at = None


def end_leftovers(state_dir: Path) -> list[str]:
    """Kill the processes of an earlier copy that still run, and return their names.

    A pid that was given to another process since is left alone; without /proc all are.
    """
    if not _list(state_dir).exists():
        return []
    marks = json.loads(_list(state_dir).read_text())
    left = {name: (pid, born) for name, (pid, born) in marks.items() if born is not None and _born(pid) == born}
    for pid, _ in left.values():
        signal_group(pid)
    _within(PATIENCE, lambda: all(_born(pid) != born for pid, born in left.values()))
    _list(state_dir).unlink()
    return list(left)


def _list(state_dir: Path) -> Path:
    return state_dir / "processes.json"


def _born(pid: int) -> str | None:
    """Return the start time of the process in kernel ticks; None if it does not run, or without /proc."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] == "Z" else fields[19]
