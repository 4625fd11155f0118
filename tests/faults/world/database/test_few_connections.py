"""PostgreSQL allows a fourth of the connections that we may open: slower under load, normal after it (P1, P15)."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.faults.judge import Judge
from tests.faults.shoppers import Shoppers
from tests.faults.world.latency_probe import is_soon_quick_again
from tests.faults.world.proxied_stack import Chosen, World, make
from tests.sandboxes import request
from tests.services.cluster import Cluster
from tests.services.postgresql import Server
from tests.services.session import Services

pytestmark = pytest.mark.slow

PLACES = 24


@pytest.fixture(scope="module")
def world_of_module(services: Services, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with services.private("PostgreSQL", lambda: Cluster(max_connections=PLACES)) as cluster:
        chosen = Chosen(Server(cluster.url, cluster.stop), services.rabbitmq, services.redis)
        more = {"DATABASE_CONNECTIONS": "12", "DATABASE_PROCESSES": "7"}
        with make("services", tmp_path_factory.mktemp("world"), chosen, "crowded", **more) as made:  # type: ignore[arg-type]
            yield made


def test_p1_orders_end_and_nobody_is_turned_away_once_the_load_is_over(world: World, judge: Judge) -> None:
    stack = world.stack
    sku, client = stack.sku(on_hand=10_000), stack.client()
    with Shoppers(stack, judge, sku, count=24, pause=0.01):
        time.sleep(15)
    time.sleep(15)  # longer than a process waits for a connection, or keeps an unused one
    answers = [request("GET", f"{stack.url}/readyz") for _ in range(40)]
    assert [answer.status for answer in answers] == [200] * 40
    database = answers[-1].body["checks"]["database"]
    assert database["connections"]["open"] < PLACES - 3
    assert database["connections"] | {"open": 0} == {"open": 0, "most": PLACES - 3, "may_open": 84}
    assert database["warning"] == (
        "7 processes may open 84 connections, the server has room for 21: DATABASE_CONNECTIONS=3 would fit"
    )
    judge.faults_are_over()
    judge.verdict().must_be_clean()
    is_soon_quick_again(client, sku)
