"""RabbitMQ dies by kill -9 with messages queued and in hand, and comes back (P1)."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.faults.judge import Judge
from tests.faults.shoppers import Shoppers
from tests.faults.world.latency_probe import is_soon_quick_again, order_promptly
from tests.faults.world.proxied_stack import Chosen, World, make
from tests.faults.world.queues import waiting
from tests.sandboxes import wait_until
from tests.services.node import Node
from tests.services.rabbitmq import Broker
from tests.services.session import Services


@pytest.fixture(scope="module")
def node(services: Services) -> Iterator[Node]:
    with services.private("RabbitMQ", Node) as node:
        yield node


@pytest.fixture(scope="module")
def world_of_module(node: Node, services: Services, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    chosen = Chosen(services.postgresql, Broker(node.url), services.redis)
    with make("services", tmp_path_factory.mktemp("world"), chosen, "killed") as made:
        yield made


@pytest.mark.slow
def test_p1_the_broker_is_killed_with_messages_queued_and_in_hand(world: World, judge: Judge, node: Node) -> None:
    stack = world.stack
    sku, client = stack.sku(on_hand=1000), stack.client()
    with Shoppers(stack, judge, sku, tokens=("tok_ok", "tok_declined", "tok_charged_then_timeout")):
        time.sleep(1)
        stack.bank.control(latency_ms=1500)  # charges are in hand
        stack.worker.pause()  # reservations wait in the queue
        wait_until(lambda: waiting(stack, "stock") >= 3, what="messages in the queue")
        node.kill()
        stack.worker.resume()
        order_promptly(client, judge, sku)
        stack.bank.control(latency_ms=0)
        node.start()
        time.sleep(1)
    judge.faults_are_over()
    judge.verdict().must_be_clean()
    is_soon_quick_again(client, sku)
