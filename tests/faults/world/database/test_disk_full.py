"""The disk is full, and then has space again: of the shop's database, of the embedded broker (P1, P6, P7)."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest

from tests.deploy.test_up import Copy
from tests.faults.judge import Judge
from tests.faults.shoppers import Shoppers
from tests.faults.world.latency_probe import is_soon_quick_again, order_promptly
from tests.faults.world.proxied_stack import World, make
from tests.faults.world.small_disk import Disk, small_disk
from tests.sandboxes import request, wait_until
from tests.services.session import Services
from tests.stack import Stack

pytestmark = pytest.mark.slow

RESERVED = 16  # MB that publishers must leave to consumers, see docs/litebroker.md


@dataclass(frozen=True)
class Disks:
    shop: Disk
    broker: Disk


@pytest.fixture(scope="module")
def disks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Disks]:
    folder = tmp_path_factory.mktemp("disks")
    with small_disk(folder / "shop", 24) as shop, small_disk(folder / "broker", RESERVED + 24) as broker:
        yield Disks(shop, broker)


@pytest.fixture(scope="module")
def world_of_module(disks: Disks, services: Services, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    files = {
        "DATABASE_URL": f"sqlite:///{disks.shop.folder}/shop.db",
        "BROKER_URL": f"litebroker:///{disks.broker.folder}/broker.db",
    }
    with make("embedded", tmp_path_factory.mktemp("world"), services, "full", **files) as made:  # type: ignore[arg-type]
        yield made


@pytest.mark.sample
def test_p1_the_shops_disk_is_full_and_has_space_again(world: World, judge: Judge, disks: Disks) -> None:
    stack = world.stack
    sku, client = stack.sku(on_hand=1000), stack.client()
    with Shoppers(stack, judge, sku, tokens=("tok_ok", "tok_declined")), judge.smtp_window():
        time.sleep(1)
        _empty_the_log(disks.shop.folder / "shop.db")
        disks.shop.fill()
        answers = {_register(stack) for _ in range(5)}
        time.sleep(4)
        disks.shop.free()
        time.sleep(1)
    judge.faults_are_over()
    judge.verdict().must_be_clean()
    assert answers == {(503, "unavailable")}
    is_soon_quick_again(client, sku)


def test_p1_the_brokers_disk_is_full_and_has_space_again(world: World, judge: Judge, disks: Disks) -> None:
    sku, client = world.stack.sku(on_hand=1000), world.stack.client()
    with Shoppers(world.stack, judge, sku):
        time.sleep(1)
        disks.broker.fill()
        order_promptly(client, judge, sku)
        time.sleep(6)
        disks.broker.free()
        time.sleep(1)
    judge.faults_are_over()
    judge.verdict().must_be_clean()
    is_soon_quick_again(client, sku)


def test_p1_processes_die_while_their_own_disk_is_full(tmp_path: Path) -> None:
    """Database, broker, logs and lists of a whole copy under its supervisor, which outlives it."""
    with small_disk(tmp_path / "disk", RESERVED + 48) as disk:
        copy = Copy(disk.folder, tmp_path / "console")
        running = copy.start()
        try:
            wait_until(lambda: copy.up(running) and "is not ready yet" not in copy.said(), seconds=120, what="a start")
            before = copy.pids()
            disk.fill()
            for name in ("worker-steps", "bank", "api"):
                os.kill(before[name], signal.SIGKILL)
            wait_until(lambda: "can not be written: No space left" in copy.said(), seconds=60, what="it to be told")
            time.sleep(5)
            assert running.poll() is None, copy.said()
            disk.free()
            wait_until(lambda: copy.pids()["worker-steps"] != before["worker-steps"], seconds=60, what="a new list")
            wait_until(lambda: _is_registered(copy), seconds=60, what="somebody to be registered")
            assert "processes.json is written again" in copy.said()
            assert copy.said().count("can not be written") == 1
        finally:
            running.terminate()
            assert running.wait(timeout=90) == 0


def _is_registered(copy: Copy) -> bool:
    body = {"email": f"{uuid4().hex}@example.com", "password": "a long enough password", "name": "Somebody"}
    try:
        return request("POST", f"{copy.url}/api/users", body).status == 201
    except OSError:
        return False  # the API is about to start again


def _empty_the_log(database: Path) -> None:
    """Empty SQLite's log: otherwise it would overwrite old parts of the log, which works on a full disk, too."""
    with closing(sqlite3.connect(database, timeout=30)) as db:
        wait_until(lambda: db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0, what="an empty log")


def _register(stack: Stack) -> tuple[int, str]:
    """Register an account, which needs space in the database; return status and code of the answer."""
    body = {"email": "nobody@example.com", "password": "a long enough password", "name": "Nobody"}
    answer = request("POST", f"{stack.url}/api/users", body)
    return answer.status, answer.body.get("code", "")
