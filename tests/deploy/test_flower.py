"""Flower as it is started: its page "Broker" on litebroker, and how much it keeps."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest
from flower.options import DEFAULT_CONFIG_FILE, options
from kombu import Connection

from deploy import processes
from deploy.child_process import ROOT
from tests.broker.talk import declare, send
from tests.stack import Handle
from tests.stack.environment import embedded, everywhere, settings

QUEUE = "orderwave.orders"


@pytest.fixture
def flower(tmp_path: Path) -> Iterator[Handle]:
    environment = everywhere(tmp_path) | embedded(tmp_path)
    chosen = settings(environment)
    with Connection(chosen.broker_url) as line:
        declare(line, QUEUE)
        send(line, QUEUE, 1, 2)
    made = Handle(chosen, processes.flower(chosen), environment)
    made.start()
    yield made
    made.kill9()


def test_it_tells_how_long_the_queues_are(flower: Handle) -> None:
    [queue] = json.loads(asked(flower, "api/queues/length"))["active_queues"]
    assert (queue["name"], queue["messages_ready"]) == (QUEUE, 2)
    assert f'id="{QUEUE}"' in asked(flower, "broker")


def test_what_it_keeps_in_memory_is_bounded() -> None:
    """Flower reads this file by itself where it is started."""
    assert DEFAULT_CONFIG_FILE == "flowerconfig.py"
    options.parse_config_file(str(ROOT / DEFAULT_CONFIG_FILE))
    assert (options.max_tasks, options.max_workers, options.purge_offline_workers) == (2000, 100, 3600)


def asked(flower: Handle, page: str) -> str:
    assert flower.process.url
    with urlopen(flower.process.url.replace("healthcheck", page), timeout=15) as answer:
        return str(answer.read().decode())
