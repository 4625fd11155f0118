"""One process of a stack, which a test may kill and start again."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from config import Settings
from deploy.child_process import Child
from deploy.processes import Process
from deploy.readiness import Pinger, answers
from tests.sandboxes import wait_for_start, wait_until


class Handle:
    """A process: `start`, `stop` (SIGTERM), `kill9` (the whole group), `wait_until_ready`; each may be repeated."""

    def __init__(self, chosen: Settings, process: Process, environment: dict[str, str]) -> None:
        self.process, self._chosen = process, chosen
        self.log: Path = chosen.state_dir / f"{process.name}.log"
        own = {"PYTHONUNBUFFERED": "1", **environment, **process.environment}
        self._own = own
        self._child = self._fresh({})
        self.is_itself = True  # not started with a changed environment

    @property
    def name(self) -> str:
        return self.process.name

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def alive(self) -> bool:
        return self._child.exit_code() is None

    @property
    def exit_code(self) -> int | None:
        return self._child.exit_code()

    def start(self, **environment: str) -> None:
        """Start, perhaps with ORDERWAVE_CRASH="stock.reserve:after_record" or the like, and wait until it is ready."""
        self.launch(**environment)
        self.wait_until_ready()

    def launch(self, **environment: str) -> None:
        """Start without waiting; what is left of the process before is killed."""
        self._child.kill()
        self._child, self.is_itself = self._fresh(environment), not environment
        self._child.start()

    def wait_until_ready(self) -> None:
        """Wait until it is ready, at most DRILL_START_SECONDS (tests/sandboxes.py); fails when it ends before."""
        wait_for_start(self.name, self.ready, lambda: self.alive, self.tail)

    def ready(self) -> bool:
        if not self.alive:
            return False
        if self.process.node:
            return bool(self._pinged())
        return answers(self.process.url) if self.process.url else True

    def wait_until_dead(self, seconds: float = 20.0) -> None:
        """Wait until the process has died, at a crash point that was armed."""
        wait_until(lambda: not self.alive, seconds=seconds, what=f"{self.name} to die; its log: {self.log}")

    def stop(self, seconds: float = 30.0) -> None:
        """Send SIGTERM, wait up to `seconds` for its end, then kill what is left of its group."""
        self._child.ask_to_stop()
        deadline = time.monotonic() + seconds
        while self.alive and time.monotonic() < deadline:
            time.sleep(0.02)
        self._child.kill()

    def kill9(self) -> None:
        self._child.kill()

    kill = kill9

    def pause(self) -> None:
        """Send SIGSTOP and wait until every thread stands still: on a busy machine one goes on for a moment."""
        self._child.send(signal.SIGSTOP)
        wait_until(lambda: not self.alive or _stands_still(self.pid), what=f"{self.name} to stand still")

    def resume(self) -> None:
        self._child.send(signal.SIGCONT)

    def tail(self, count: int = 30) -> str:
        return "\n".join(self._child.last_lines(count))

    def _pinged(self) -> set[str]:
        assert self.process.node
        pinger = Pinger(self._chosen)
        try:
            return pinger.answering([self.process.node])
        finally:
            pinger.close()

    def _fresh(self, more: dict[str, str]) -> Child:
        return Child(self.name, self.process.argv, {**os.environ, **self._own, **more}, self.log)


def _stands_still(pid: int) -> bool:
    """Say whether every thread of the process is stopped; True without /proc."""
    return {_state(task) for task in Path(f"/proc/{pid}/task").glob("*/stat")} <= {"T", "t", ""}


def _state(task: Path) -> str:
    """Return the state of a thread, one letter; empty when it has just ended."""
    try:
        return task.read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""
