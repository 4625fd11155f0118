"""`python -m deploy.up`, whole: what `make run` does."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.child_process import ROOT
from tests.deploy.test_supervisor import members
from tests.sandboxes import request, wait_until
from tests.stack.environment import embedded, everywhere

pytestmark = pytest.mark.slow


class Copy:
    """A copy under its supervisor."""

    def __init__(self, folder: Path, console: Path | None = None) -> None:
        self.folder = folder
        self.environment = os.environ | everywhere(folder) | embedded(folder) | {"DEMO_PASSWORD": "open sesame"}
        self.url = self.environment["PUBLIC_URL"]
        self.output = console or folder / "console"

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "deploy.up", *arguments]
        with self.output.open("wb") as console:
            return subprocess.Popen(command, cwd=ROOT, env=self.environment, stdout=console, stderr=console)

    def up(self, running: subprocess.Popen[bytes]) -> bool:
        assert running.poll() is None, self.said()
        return "Orderwave is up." in self.said()

    def said(self) -> str:
        return self.output.read_text()

    def pids(self) -> dict[str, int]:
        return {name: pid for name, (pid, _) in json.loads((self.folder / "processes.json").read_text()).items()}


@pytest.fixture
def copy(tmp_path: Path) -> Iterator[Copy]:
    made = Copy(tmp_path)
    yield made
    if (tmp_path / "processes.json").exists():
        for pid in made.pids().values():
            assert members(pid) == [], f"left behind, after this was said:\n{made.said()}"


def test_the_demo_is_shown_and_ctrl_c_stops_everything(copy: Copy) -> None:
    running = copy.start("--demo")
    wait_until(lambda: copy.up(running), seconds=90, what=f"the demo to end: {copy.output}")
    assert "Both orders and the campaign went as promised." in copy.said()
    assert "open sesame" in copy.said()
    running.send_signal(signal.SIGINT)
    assert running.wait(timeout=60) == 0


def test_a_killed_supervisor_leaves_nobody_and_the_next_one_starts(copy: Copy) -> None:
    running = copy.start()
    wait_until(lambda: copy.up(running), seconds=60, what=f"all to be ready: {copy.output}")
    before = copy.pids()
    running.kill()
    running.wait()
    running = copy.start()
    wait_until(lambda: copy.up(running), seconds=60, what=f"all to be ready again: {copy.output}")
    assert all(members(pid) == [] for pid in before.values())
    assert request("GET", copy.url + "/healthz").status == 200
    running.terminate()
    assert running.wait(timeout=60) == 0
