"""A broker that takes the connection and never answers: commands are accepted all the same."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

from engine import State
from tests.engine.driver import Driver
from tests.sandboxes import ROOT


def test_a_black_holed_broker_delays_no_commit_and_loses_no_run(driver: Driver) -> None:
    with socket.socket() as hole:
        hole.bind(("127.0.0.1", 0))
        hole.listen(16)
        url = f"amqp://guest:guest@127.0.0.1:{hole.getsockname()[1]}//"
        done = subprocess.run(
            [sys.executable, "-m", "tests.engine.accepting"],
            cwd=ROOT,
            env=os.environ | {"BROKER_URL": url, "EXTRA_TASK_MODULES": "tests.engine.parcels"},
            check=False,
            capture_output=True,
            text=True,
            timeout=30,
        )
    assert done.returncode == 0, done.stderr
    took = dict(line.split() for line in done.stdout.splitlines())
    assert len(took) == 5
    assert max(map(float, took.values())) < 1
    assert {driver.status(id) for id in took} == {State.QUEUED}
    driver.finish(*took)
    assert {tuple(driver.effects(id)) for id in took} == {("pack", "label", "hand_over", "tell")}
