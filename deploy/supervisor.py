"""The supervisor: it starts the processes of a copy, restarts those that die, and stops all of them in order."""

from __future__ import annotations

import os
import signal
import socket
import time
from dataclasses import dataclass

from config import Settings
from deploy.child_process import Child
from deploy.console import tell
from deploy.processes import Process
from deploy.readiness import Pinger, answers
from deploy.startup_checks import Roll
from server.listening import listen

FIRST_PAUSE, LONGEST_PAUSE, CALM = 0.5, 30.0, 60.0
GRACE = 25.0  # a worker gives the step at hand 20 s


@dataclass
class Kept:
    """A supervised process and its state. Times are of the monotonic clock; `again_at`: when it is to be restarted."""

    process: Process
    child: Child
    started: float = 0.0
    again_at: float | None = None
    pause: float = FIRST_PAUSE
    ready: bool = False


class Supervisor:
    """Runs the processes of a copy. The caller calls `tend` a few times a second."""

    def __init__(self, chosen: Settings, wanted: list[Process]) -> None:
        self._chosen = chosen
        self._pinger = Pinger(chosen)
        self._roll = Roll(chosen.state_dir)
        self._logs = chosen.state_dir / "logs"
        self._logs.mkdir(exist_ok=True)
        self._listeners: list[socket.socket] = []
        self.kept = [Kept(process, self._child(process)) for process in wanted]

    def start(self) -> None:
        for kept in self.kept:
            self._start(kept)

    def tend(self) -> None:
        """Restart processes that died, and note which became ready. To be called a few times a second."""
        for kept in self.kept:
            self._keep_alive(kept)
        self._roll.catch_up()
        self._look_for_the_ready()

    @property
    def not_ready(self) -> list[Kept]:
        return [kept for kept in self.kept if not kept.ready]

    def stop(self, grace: float = GRACE) -> None:
        """Stop all: first the API, the clock and Flower, then the workers, last the sandboxes.

        Each group is killed after `grace` seconds.
        """
        self._stop_listening()
        doors, workers, world = self._in_order_of_stopping()
        for group in (doors, workers, world):
            self._stop_together(group, grace)
        self._pinger.close()

    def hurry(self) -> None:
        """Send SIGKILL to all processes without reaping them. Safe in a signal handler, also while `stop` runs."""
        for kept in self.kept:
            kept.child.send(signal.SIGKILL)

    def kill(self) -> None:
        self._stop_listening()
        for kept in self.kept:
            kept.child.kill()

    def _stop_listening(self) -> None:
        """Close the listening sockets, so that new clients are refused; the API still answers those connected."""
        for listener in self._listeners:
            listener.close()

    def _child(self, process: Process) -> Child:
        """Make the child. Its socket stays open here: while the process is down, clients wait and are not refused."""
        ours = {"STATE_DIR": str(self._chosen.state_dir), "PYTHONUNBUFFERED": "1"}
        environment = {**os.environ, **ours, **process.environment}
        listener = listen(*process.listens) if process.listens else None
        self._listeners += [listener] if listener else []
        return Child(process.name, process.argv, environment, self._logs / f"{process.name}.log", listener)

    def _start(self, kept: Kept) -> None:
        try:
            kept.child.start()
        except OSError as error:  # no room for one more process, say
            self._put_off(kept, f"could not be started: {error}")
            return
        kept.started, kept.again_at, kept.ready = time.monotonic(), None, False
        self._roll.write({k.process.name: k.child.pid for k in self.kept if k.started})
        tell(kept.process.name, "started")

    def _keep_alive(self, kept: Kept) -> None:
        now = time.monotonic()
        if kept.again_at is not None:
            if now >= kept.again_at:
                self._start(kept)
        elif (code := kept.child.exit_code()) is not None:
            kept.child.kill()  # what is left of its group
            self._put_off(kept, f"ended with {code}, {kept.child.log}")

    @staticmethod
    def _put_off(kept: Kept, why: str) -> None:
        now = time.monotonic()
        kept.pause = FIRST_PAUSE if now - kept.started > CALM else min(kept.pause * 2, LONGEST_PAUSE)
        kept.again_at, kept.ready = now + kept.pause, False
        tell(kept.process.name, f"{why}; starts again in {kept.pause:g} s", "red")

    def _look_for_the_ready(self) -> None:
        waiting = [kept for kept in self.not_ready if kept.again_at is None]
        nodes = [kept.process.node for kept in waiting if kept.process.node]
        there = self._pinger.answering(nodes) if nodes else set()
        for kept in waiting:
            if self._is_ready(kept.process, there):
                kept.ready = True
                tell(kept.process.name, f"ready after {time.monotonic() - kept.started:.1f} s", "green")

    @staticmethod
    def _is_ready(process: Process, there: set[str]) -> bool:
        if process.node:
            return process.node in there
        return answers(process.url) if process.url else True

    def _in_order_of_stopping(self) -> tuple[list[Kept], list[Kept], list[Kept]]:
        world = [kept for kept in self.kept if kept.process.name in ("bank", "mailsink")]
        workers = [kept for kept in self.kept if kept.process.node]
        doors = [kept for kept in self.kept if kept not in world and kept not in workers]
        return doors, workers, world

    @staticmethod
    def _stop_together(group: list[Kept], grace: float) -> None:
        for kept in group:
            kept.child.ask_to_stop()
        deadline = time.monotonic() + grace
        while time.monotonic() < deadline and any(kept.child.exit_code() is None for kept in group):
            time.sleep(0.05)
        for kept in group:
            if kept.child.exit_code() is None:
                tell(kept.process.name, f"did not stop within {grace:g} s: killed", "red")
            kept.child.kill()
