"""SQLite's file is locked by another writer, for a while and for longer than any timeout (P1, P3)."""

from __future__ import annotations

import time

import pytest

from tests.faults.judge import Judge
from tests.faults.shoppers import Shoppers
from tests.faults.soak.locks import Lock
from tests.faults.world.latency_probe import is_soon_quick_again
from tests.faults.world.proxied_stack import World

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("world_of_module", ["embedded"], indirect=True)]


@pytest.mark.parametrize("seconds", [4, 35], ids=["shorter", "longer-than-patience"])
def test_p1_p3_another_writer_holds_the_file(world: World, judge: Judge, seconds: float) -> None:
    sku, client = world.stack.sku(on_hand=1000), world.stack.client()
    lock = Lock(world.stack.state_dir / "shop.db")
    with Shoppers(world.stack, judge, sku, tokens=("tok_ok", "tok_declined", "tok_flaky")), judge.smtp_window():
        time.sleep(1)
        lock.take()
        time.sleep(seconds)
        lock.give_back()
        time.sleep(1)
    judge.faults_are_over()
    judge.verdict().must_be_clean()
    is_soon_quick_again(client, sku)
