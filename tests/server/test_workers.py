"""Processes that share one socket: one that dies is started anew, and asked to stop they all do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from deploy.child_process import ROOT
from tests.sandboxes import free_port, wait_until
from tests.server.wire import ask


@pytest.fixture
def server() -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    port = free_port()
    command = [sys.executable, "-m", "server", "--port", str(port), "--workers", "2", "tests.server.echo:app"]
    running = subprocess.Popen(command, cwd=ROOT)
    try:
        wait_until(lambda: len(children(running)) == 2 and _answers(port), seconds=30, what="both to answer")
        yield port, running
    finally:
        running.kill()
        running.wait()


def test_one_that_is_killed_is_started_anew_and_the_other_answers_meanwhile(
    server: tuple[int, subprocess.Popen[bytes]],
) -> None:
    port, running = server
    time.sleep(5)  # one that lives shorter than that is no accident
    first = children(running)
    os.kill(first[0], signal.SIGKILL)
    assert all(ask(port, "/seen").status == 200 for _ in range(20))
    wait_until(lambda: len(children(running)) == 2 and first[0] not in children(running), seconds=10)
    assert first[1] in children(running)


def test_asked_to_stop_they_all_do(server: tuple[int, subprocess.Popen[bytes]]) -> None:
    _, running = server
    pids = children(running)
    running.terminate()
    assert running.wait(15) == 0
    assert not any(os.path.exists(f"/proc/{pid}") for pid in pids)


def test_without_their_parent_they_end(server: tuple[int, subprocess.Popen[bytes]]) -> None:
    _, running = server
    pids = children(running)
    running.kill()
    wait_until(lambda: all(_is_gone(pid) for pid in pids), seconds=15, what="both to end")


def test_an_app_that_can_not_be_loaded_ends_it() -> None:
    command = [sys.executable, "-m", "server", "--port", str(free_port()), "--workers", "2", "tests.server.nowhere:app"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert "No module named 'tests.server.nowhere'" in done.stderr


def children(parent: subprocess.Popen[bytes]) -> list[int]:
    with open(f"/proc/{parent.pid}/task/{parent.pid}/children") as file:
        return [int(pid) for pid in file.read().split()]


def _is_gone(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def _answers(port: int) -> bool:
    try:
        return ask(port, "/seen").status == 200
    except OSError:
        return False
