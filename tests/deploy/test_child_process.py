"""A number is only signalled while it is ours: once a dead leader is waited for, it may be given to a stranger."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest

from deploy.child_process import Child
from tests.sandboxes import wait_until

SLEEPER = "import time; time.sleep(60)"
PARENT = f"import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', {SLEEPER!r}]).pid)"


@pytest.fixture
def signalled(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[int, bool]]]:
    """The groups that were signalled, and whether their leader still held the number."""
    seen: list[tuple[int, bool]] = []
    really = os.killpg

    def killpg(group: int, sign: int) -> None:
        seen.append((group, Path(f"/proc/{group}").exists()))
        really(group, sign)

    monkeypatch.setattr(os, "killpg", killpg)
    yield seen
    assert all(held for _, held in seen)


def started(code: str, folder: Path) -> Child:
    child = Child("child", (sys.executable, "-c", code), {**os.environ, "PYTHONUNBUFFERED": "1"}, folder / "child.log")
    child.start()
    return child


def ended(child: Child) -> int | None:
    wait_until(lambda: child.exit_code() is not None, what="it to end")
    return child.exit_code()


@pytest.mark.parametrize(("code", "exit_code"), [("", 0), ("raise SystemExit(3)", 3)])
def test_one_that_ended_keeps_its_number_until_it_is_killed(
    signalled: list[tuple[int, bool]], tmp_path: Path, code: str, exit_code: int
) -> None:
    child = started(code, tmp_path)
    assert ended(child) == exit_code
    child.ask_to_stop()
    child.kill()
    assert signalled == [(child.pid, True)]
    assert child.exit_code() == exit_code


def test_after_it_is_killed_nobody_is_signalled(signalled: list[tuple[int, bool]], tmp_path: Path) -> None:
    child = started(SLEEPER, tmp_path)
    child.kill()
    signalled.clear()
    child.kill()
    child.send(signal.SIGCONT)
    child.ask_to_stop()
    assert signalled == []
    assert child.exit_code() == -signal.SIGKILL


def test_children_that_outlived_their_parent_go_all_the_same(signalled: list[tuple[int, bool]], tmp_path: Path) -> None:
    child = started(PARENT, tmp_path)
    assert ended(child) == 0
    orphan = Path(f"/proc/{child.last_lines()[0]}/stat")
    assert _lives(orphan)
    child.kill()
    wait_until(lambda: not _lives(orphan), what="the orphan to go")


def _lives(stat: Path) -> bool:
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


def test_one_may_look_while_another_buries(tmp_path: Path) -> None:
    for _ in range(20):
        child = started(SLEEPER, tmp_path)
        with ThreadPoolExecutor(2) as pool:
            looking = pool.submit(lambda child: next(code for _ in count() if (code := child.exit_code())), child)
            pool.submit(child.kill).result()
            assert looking.result(10) == -signal.SIGKILL
