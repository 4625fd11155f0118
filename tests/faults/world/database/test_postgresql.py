"""PostgreSQL crashes every few seconds, has no connection left, loses the answer to a COMMIT (P1, P3, P4, P12)."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.faults.judge import Judge
from tests.faults.shoppers import Shoppers
from tests.faults.world.connection_hog import Crowd
from tests.faults.world.latency_probe import is_soon_quick_again
from tests.faults.world.lock_inverter import deadlocks, lock_backwards
from tests.faults.world.proxied_stack import Chosen, World, make
from tests.sandboxes import wait_until
from tests.services.cluster import Cluster
from tests.services.postgresql import Server
from tests.services.session import Services

TOKENS = ("tok_ok", "tok_declined", "tok_flaky", "tok_charged_then_timeout")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def cluster(services: Services) -> Iterator[Cluster]:
    with services.private("PostgreSQL", lambda: Cluster(max_connections=60, deadlock_timeout="200ms")) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def world_of_module(cluster: Cluster, services: Services, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    chosen = Chosen(Server(cluster.url, cluster.stop), services.rabbitmq, services.redis)
    with make("services", tmp_path_factory.mktemp("world"), chosen, "crashing") as made:
        yield made


def test_p1_p3_it_crashes_every_few_seconds_under_load(world: World, judge: Judge, cluster: Cluster) -> None:
    sku, client = world.stack.sku(on_hand=1000), world.stack.client()
    with Shoppers(world.stack, judge, sku, tokens=TOKENS), judge.smtp_window():
        for _ in range(5):
            time.sleep(2.5)
            cluster.stop()
            time.sleep(0.5)
            cluster.start()
        time.sleep(1)
    judge.faults_are_over()
    judge.verdict().must_be_clean()
    is_soon_quick_again(client, sku)


def test_p1_it_has_no_connection_left_for_longer_than_anyone_waits(
    world: World, judge: Judge, cluster: Cluster
) -> None:
    sku, client = world.stack.sku(on_hand=1000), world.stack.client()
    with Shoppers(world.stack, judge, sku, tokens=TOKENS), judge.smtp_window():
        time.sleep(1)
        with Crowd(cluster.url):
            time.sleep(12)
        time.sleep(1)
    judge.faults_are_over()
    judge.verdict().must_be_clean()
    is_soon_quick_again(client, sku)


@pytest.mark.sample
def test_p3_p12_five_commits_a_second_lose_their_answer(world: World, judge: Judge) -> None:
    sku, client = world.stack.sku(on_hand=1000), world.stack.client()
    with Shoppers(world.stack, judge, sku, tokens=TOKENS), judge.smtp_window():
        for _ in range(40):
            time.sleep(0.2)
            world.database.lose(1)
    judge.faults_are_over()
    judge.verdict().must_be_clean()
    assert world.database.lost > 20
    is_soon_quick_again(client, sku)


def test_p3_p6_a_stranger_locks_stock_in_the_wrong_order(world: World, judge: Judge) -> None:
    stack = world.stack
    first, second = sorted((stack.sku(on_hand=1000), stack.sku(on_hand=1000)))
    with Shoppers(stack, judge, first, pause=0.05), Shoppers(stack, judge, second, pause=0.05, seed=2):
        caught = sum(lock_backwards(stack, second, first) for _ in range(40))
    judge.faults_are_over()
    judge.verdict().must_be_clean()
    wait_until(lambda: deadlocks(stack) > caught, what="somebody of ours to have been the victim")
