"""Thousands of tasks, workers killed again and again, none lost."""

import random
import time
from collections import Counter
from pathlib import Path

import pytest

from deploy.child_process import bury
from tests.broker.talk import eventually
from tests.broker.workers import Site

pytestmark = pytest.mark.slow

TASKS = 3000
KILLS = 3


def test_no_task_is_lost_when_workers_are_killed(url: str, tmp_path: Path) -> None:
    site = Site(url, "soak", tmp_path)
    with site.app() as app:
        for number in range(TASKS):
            app.send_task("contract.note", args=(number,))
    workers = [site.start(), site.start()]
    try:
        for _ in range(KILLS):
            wait_for_more(site, 300)
            victim = workers.pop(0)
            bury(victim)
            workers.append(site.start())
        eventually(set(range(TASKS)), lambda: {int(line) for line in site.lines()}, within=30)
    finally:
        for worker in workers:
            bury(worker)
    doubled = sum(count - 1 for count in Counter(site.lines()).values())
    assert doubled <= KILLS * 4  # what was in hand: two in work and two ahead, for each kill


def wait_for_more(site: Site, count: int) -> None:
    wanted = len(site.lines()) + count + random.randrange(50)
    deadline = time.monotonic() + 20
    while len(site.lines()) < wanted and time.monotonic() < deadline:
        time.sleep(0.005)
