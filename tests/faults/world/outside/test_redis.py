"""Redis dies, loses its data, falls silent: it only counts requests, and no request fails for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from redis import Redis

from tests.faults.judge import Judge
from tests.faults.shoppers import Shoppers
from tests.faults.world.latency_probe import is_soon_quick_again, order_promptly
from tests.faults.world.proxied_stack import Chosen, World, make
from tests.services.redis import Store
from tests.services.session import Services
from tests.services.store import Server

pytestmark = pytest.mark.slow

Act = Callable[[World, Server], object]


@pytest.fixture(scope="module")
def server(services: Services) -> Iterator[Server]:
    with services.private("Redis", Server) as server:
        yield server


@pytest.fixture(scope="module")
def world_of_module(server: Server, services: Services, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    chosen = Chosen(services.postgresql, services.rabbitmq, Store(server.url))
    with make("services", tmp_path_factory.mktemp("world"), chosen, "redis") as made:
        yield made


def flush(_: World, server: Server) -> None:
    with Redis.from_url(server.url) as client:
        client.flushall()


STORMS: dict[str, tuple[Act, Act]] = {
    "killed": (lambda _, server: server.kill(), lambda _, server: server.start()),
    "flushed": (flush, flush),
    "refuses": (lambda world, _: world.redis.mode("refuse"), lambda world, _: world.redis.mode("pass")),
    "black-hole": (lambda world, _: world.redis.mode("swallow"), lambda world, _: world.redis.mode("pass")),
    "half-open": (lambda world, _: world.redis.mode("half_open"), lambda world, _: world.redis.mode("pass")),
}
SAMPLE: tuple[str, ...] = ()  # none until they have run in CI's company


@pytest.mark.parametrize("storm", [pytest.param(s, marks=[pytest.mark.sample] * (s in SAMPLE)) for s in STORMS])
def test_no_request_fails_or_waits_for_a_redis_that_is_unwell(
    world: World, judge: Judge, server: Server, storm: str
) -> None:
    begins, ends = STORMS[storm]
    sku, client = world.stack.sku(on_hand=1000), world.stack.client()
    with Shoppers(world.stack, judge, sku):
        time.sleep(1)
        begins(world, server)
        order_promptly(client, judge, sku)
        time.sleep(3)
        order_promptly(client, judge, sku)
        ends(world, server)
        order_promptly(client, judge, sku)
    judge.faults_are_over()
    judge.verdict().must_be_clean()
    is_soon_quick_again(client, sku)
