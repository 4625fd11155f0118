"""python -m deploy.up [--demo]: one whole copy in the foreground, until Ctrl-C.

A second Ctrl-C does not wait for the steps at hand; they are done again after the next start.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable

from config import Settings, checks, settings
from deploy import banner
from deploy.child_process import ROOT
from deploy.console import paint, say, tell
from deploy.database import await_database, count_connections
from deploy.lateness import Lateness
from deploy.processes import processes
from deploy.startup_checks import Refused, check_ports, end_leftovers, only_one
from deploy.supervisor import Supervisor

NOT_FOR_THE_DEMO = ("flower",)


def main(arguments: list[str]) -> int:
    """Run a copy until Ctrl-C. Returns 0 after a stop, 1 if it could not start or the demo failed."""
    os.umask(checks.OTHERS)  # files of this process and its children are readable by their owner only
    chosen = settings()
    checks.private_folder(chosen.state_dir)
    checks.shut_all(chosen.state_dir)
    try:
        with only_one(chosen.state_dir):
            prepare(chosen)
            return Foreground(chosen).run(demo="--demo" in arguments)
    except KeyboardInterrupt:  # before there was anything to stop
        return 1
    except Refused as reason:
        print(paint(str(reason), "red"), file=sys.stderr)
        return 1


def prepare(chosen: Settings) -> None:
    """Kill leftovers, check the ports, await the database, run the migrations and, outside production, seed the demo.

    Raises Refused if one of these fails.
    """
    for name in end_leftovers(chosen.state_dir):
        tell(name, "was left over from an earlier copy: killed", "yellow")
    check_ports([(process.name, port) for process in processes(chosen) for port in process.ports], chosen.host)
    await_database()
    count_connections(chosen)
    demo = [] if chosen.environment == "production" else ["demo.seed"]
    for module in ("deploy.migrate", *demo):
        if subprocess.run([sys.executable, "-m", module], cwd=ROOT, check=False).returncode:
            raise Refused(f"python -m {module} failed; nothing was started.")


class Foreground:
    """Keeps a copy running in the foreground of a terminal."""

    def __init__(self, chosen: Settings) -> None:
        self._chosen = chosen
        self._supervisor = Supervisor(chosen, processes(chosen))
        self._lateness = Lateness()
        self._stop = threading.Event()
        self._asked_at = 0.0

    def run(self, *, demo: bool) -> int:
        for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(name, self._asked_to_stop)
        good = True
        try:
            self._supervisor.start()
            self._tend_until(lambda: "api" not in self._not_ready())
            if demo:
                self._tend_until(lambda: not self._not_ready(*NOT_FOR_THE_DEMO))
                good = self._stop.is_set() or self._show()
            self._welcome()
            self._tend_until(lambda: False)
        finally:
            self._end()
        return 0 if good else 1

    def _asked_to_stop(self, *_: object) -> None:
        """Stop at the first signal, hurry at a later one. Make and a terminal may both pass on one Ctrl-C, so a signal
        within a second of the first counts as the same."""
        now = time.monotonic()
        if self._stop.is_set() and now - self._asked_at > 1:
            self._supervisor.hurry()
        elif not self._stop.is_set():
            self._asked_at = now
            self._stop.set()

    def _welcome(self) -> None:
        """Print the banner once the API is ready: orders are accepted, and go on when the other processes are ready."""
        if self._stop.is_set():
            return
        say(banner.text(self._chosen))
        for name in self._not_ready():
            tell(name, "is not ready yet", "yellow")

    def _not_ready(self, *besides: str) -> list[str]:
        return [kept.process.name for kept in self._supervisor.not_ready if kept.process.name not in besides]

    def _show(self) -> bool:
        """Run the demo tour, which uses HTTP as any client does, while the processes are supervised.

        Returns whether it went well; True when it was stopped.
        """
        # In a session of its own, so that Ctrl-C is ours to deal with.
        tour = subprocess.Popen([sys.executable, "-m", "demo.tour"], cwd=ROOT, start_new_session=True)
        self._tend_until(lambda: tour.poll() is not None)
        if tour.poll() is None:  # a signal ended the wait
            tour.kill()
            tour.wait()
            return True
        return tour.returncode == 0

    def _tend_until(self, enough: Callable[[], bool]) -> None:
        while not self._stop.is_set() and not enough():
            self._supervisor.tend()
            self._lateness.look(self._supervisor.not_ready)
            self._stop.wait(0.2)

    def _end(self) -> None:
        tell("all", "stopping; Ctrl-C again does not wait for the steps at hand", "yellow")
        self._supervisor.stop()
        tell("all", "stopped")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
