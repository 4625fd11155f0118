"""Whatever dies is started again; whoever does not stop is killed; nobody is left behind."""

from __future__ import annotations

import errno
import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

import config
from deploy import startup_checks
from deploy.child_process import ROOT, Child
from deploy.processes import Process
from deploy.supervisor import Supervisor
from tests.sandboxes import free_port, wait_until

Keep = Callable[..., Supervisor]

SLEEPER = "import time; time.sleep(60)"
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); open({0!r}, 'w'); time.sleep(60)"
PARENT = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', {0!r}]); " + SLEEPER


@pytest.fixture
def keep(tmp_path: Path) -> Iterator[Keep]:
    """`keep("code", ...)`: a started supervisor over python processes that run these lines."""
    made: list[Supervisor] = []

    def start(*codes: str) -> Supervisor:
        chosen = replace(config.settings(), state_dir=tmp_path)
        wanted = [Process(f"p{n}", (sys.executable, "-c", code)) for n, code in enumerate(codes)]
        made.append(Supervisor(chosen, wanted))
        made[-1].start()
        return made[-1]

    yield start
    for supervisor in made:
        supervisor.kill()


def tend(supervisor: Supervisor, until: Callable[[], object]) -> None:
    def turn() -> object:
        supervisor.tend()
        return until()

    wait_until(turn, seconds=10)


def test_a_process_that_dies_is_started_again(keep: Keep) -> None:
    supervisor = keep(SLEEPER)
    first = supervisor.kept[0].child.pid
    os.kill(first, 9)
    tend(supervisor, lambda: supervisor.kept[0].child.pid != first and supervisor.kept[0].child.exit_code() is None)


def test_one_that_dies_again_and_again_is_given_longer_pauses(keep: Keep) -> None:
    supervisor = keep("raise SystemExit(3)")
    tend(supervisor, lambda: supervisor.kept[0].pause >= 2)


def test_what_it_writes_is_in_its_log(keep: Keep) -> None:
    supervisor = keep("print('hello from', 1 + 1)")
    wait_until(lambda: supervisor.kept[0].child.exit_code() == 0)
    assert supervisor.kept[0].child.last_lines() == ["hello from 2"]


def test_one_that_does_not_want_to_stop_is_killed(keep: Keep, tmp_path: Path) -> None:
    supervisor = keep(DEAF.format(str(tmp_path / "deaf")))
    wait_until((tmp_path / "deaf").exists)
    before = time.monotonic()
    supervisor.stop(grace=0.3)
    assert time.monotonic() - before < 5
    assert supervisor.kept[0].child.exit_code() == -9


def test_who_is_hurried_while_they_are_waited_for_goes_at_once(keep: Keep, tmp_path: Path) -> None:
    """As by a second Ctrl-C: its handler runs in the very thread that waits."""
    supervisor = keep(DEAF.format(str(tmp_path / "deaf")))
    wait_until((tmp_path / "deaf").exists)
    before = time.monotonic()
    with hurried_after(0.3, supervisor):
        supervisor.stop(grace=20)
    assert time.monotonic() - before < 10
    assert supervisor.kept[0].child.exit_code() == -9


@contextmanager
def hurried_after(seconds: float, supervisor: Supervisor) -> Iterator[None]:
    earlier = signal.signal(signal.SIGALRM, lambda *_: supervisor.hurry())
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.signal(signal.SIGALRM, earlier)


def test_grandchildren_go_with_their_parent(keep: Keep, tmp_path: Path) -> None:
    mark = str(tmp_path / "grandchild")
    supervisor = keep(PARENT.format(DEAF.format(mark)))
    wait_until(Path(mark).exists)
    group = supervisor.kept[0].child.pid
    supervisor.stop(grace=2)
    wait_until(lambda: not members(group), what="the group to be empty")


def test_a_second_copy_on_the_same_state_is_refused(tmp_path: Path) -> None:
    with startup_checks.only_one(tmp_path):
        refused = pytest.raises(startup_checks.Refused, match=f"already running.*process {os.getpid()}")
        with refused, startup_checks.only_one(tmp_path):
            pass
    with startup_checks.only_one(tmp_path):
        pass  # free again


def test_a_taken_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(startup_checks.Refused, match=rf"port {port} \(for api\)"):
            startup_checks.check_ports([("api", port), ("bank", free_port())], "127.0.0.1")


def test_leftovers_of_a_killed_copy_are_ended(tmp_path: Path) -> None:
    child = Child("left", (sys.executable, "-c", SLEEPER), dict(os.environ), tmp_path / "left.log")
    child.start()
    startup_checks.remember(tmp_path, {"left": child.pid})
    assert startup_checks.end_leftovers(tmp_path) == ["left"]
    wait_until(lambda: child.exit_code() == -9)
    assert startup_checks.end_leftovers(tmp_path) == []
    child.kill()


def test_a_number_that_now_belongs_to_somebody_else_is_left_alone(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    startup_checks.remember(tmp_path, {"gone": gone.pid})
    gone.wait()
    assert startup_checks.end_leftovers(tmp_path) == []


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells a child that its parent died")
def test_children_stop_by_themselves_when_the_supervisor_is_killed(tmp_path: Path) -> None:
    code = (
        "import os, sys, time; from pathlib import Path; from deploy.child_process import Child;"
        f"child = Child('c', (sys.executable, '-c', {SLEEPER!r}), dict(os.environ), Path({str(tmp_path / 'log')!r}));"
        "child.start(); print(child.pid, flush=True); time.sleep(60)"
    )
    supervisor = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert supervisor.stdout
    with supervisor.stdout:
        group = int(supervisor.stdout.readline())
    supervisor.kill()
    supervisor.wait()
    wait_until(lambda: not members(group), what="the child to be gone")


def members(group: int) -> list[str]:
    """The processes of a group that are alive."""
    alive = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # gone while we looked
        if int(fields[2]) == group and fields[0] != "Z":
            alive.append(path.parent.name)
    return alive


def test_a_disk_without_room_is_told_of_once_and_what_dies_is_started_again(
    keep: Keep, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(startup_checks, "RETRY", 0.3)
    supervisor = keep(SLEEPER)
    first = supervisor.kept[0].child.pid
    _fill(tmp_path / "processes.json.new")
    (tmp_path / "logs").rename(tmp_path / "old-logs")
    for _ in range(2):
        before = supervisor.kept[0].child.pid
        os.kill(before, 9)
        supervisor.kept[0].pause = 0.1
        tend(supervisor, lambda: supervisor.kept[0].child.pid != before and _runs(supervisor))  # noqa: B023
    said = capsys.readouterr().out
    assert said.count("processes.json can not be written: No space left on device. Goes on") == 1
    assert "What it says is lost" in said
    assert marked(tmp_path) == {"p0": first}, "the list is the old one, whole"
    (tmp_path / "processes.json.new").unlink()
    tend(supervisor, lambda: marked(tmp_path) == {"p0": supervisor.kept[0].child.pid})
    assert "processes.json is written again" in capsys.readouterr().out


def test_a_console_that_takes_nothing_ends_nobody(monkeypatch: pytest.MonkeyPatch, keep: Keep) -> None:
    console = Full()
    monkeypatch.setattr(sys, "stdout", console)
    supervisor = keep(SLEEPER)
    supervisor.tend()
    assert supervisor.kept[0].child.exit_code() is None
    assert console.asked >= 2, "it was told that it started, and that it is ready"


class Full(io.StringIO):
    """A file on a full disk."""

    asked = 0

    def write(self, _: str) -> int:
        self.asked += 1
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_where_no_process_can_be_made_one_is_made_later(keep: Keep, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    with monkeypatch.context() as machine:
        machine.setattr(subprocess, "Popen", refused)
        supervisor = keep(SLEEPER)
        assert supervisor.kept[0].again_at is not None
    tend(supervisor, lambda: supervisor.kept[0].again_at is None and _runs(supervisor))


def _runs(supervisor: Supervisor) -> bool:
    return supervisor.kept[0].again_at is None and supervisor.kept[0].child.exit_code() is None


def _fill(path: Path) -> None:
    """Whoever writes there is told that there is no space left."""
    path.symlink_to("/dev/full")


def marked(state_dir: Path) -> dict[str, int]:
    return {name: pid for name, (pid, _) in json.loads((state_dir / "processes.json").read_text()).items()}
