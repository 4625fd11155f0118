"""The compose file and its gateway agree with the code. (No container is started here.)"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pytest

import config
from api.app import SERVICES, create_app
from db import pool
from deploy.processes import processes

ROOT = Path(__file__).parent.parent.parent
COMPOSE = (ROOT / "docker-compose.yml").read_text()
GATEWAY = (ROOT / "deploy/gateway.conf").read_text()
ROUTE = re.compile(r"^\s+~(\^\S+)\s+(\w+);$", re.MULTILINE)
QUEUES = re.compile(r"-Q (\S+)")


def test_the_workers_take_the_same_queues_as_on_one_machine() -> None:
    here = [process.argv[process.argv.index("-Q") + 1] for process in processes(config.settings()) if process.node]
    prefix = config.settings().queue_prefix
    assert groups(QUEUES.findall(COMPOSE)) == groups(queues.replace(prefix, "orderwave.") for queues in here)


def test_the_database_has_room_for_every_process() -> None:
    """An API container runs two processes of the server; what it says of itself is the sum, and fits."""
    containers = re.split(r"^  (?=[\w-]+:)", COMPOSE.partition("\nservices:\n")[2], flags=re.MULTILINE)
    count = 0
    for container in containers:
        each = 2 if "<<: *api" in container else 1 if " -A celery_app worker " in container else 0
        count += each * int((re.findall(r"replicas: (\d+)", container) or ["1"])[0])
    assert re.findall(r'DATABASE_PROCESSES: "(\d+)"', COMPOSE) == [str(count)]
    most = int(re.findall(r"max_connections=(\d+)", COMPOSE)[0]) - 3  # PostgreSQL keeps three for its superuser
    assert pool.shortage(count, config.settings().database_connections, most) is None


def test_every_service_is_a_container_that_mounts_only_itself() -> None:
    assert set(re.findall(r"^  (\w+): \{ .*SERVICES: \1 \}", COMPOSE, re.MULTILINE)) == set(SERVICES)


@pytest.mark.parametrize("service", SERVICES)
def test_the_gateway_sends_every_path_to_the_service_that_has_it(service: str) -> None:
    everywhere = set.intersection(*(paths(each) for each in SERVICES))
    own = paths(service) - everywhere
    assert own
    assert {(path, chosen(path)) for path in own} == {(path, service) for path in own}


@cache
def paths(service: str) -> set[str]:
    return {rule.rule for rule in create_app([service]).url_map.iter_rules()}


def chosen(path: str) -> str:
    """What nginx would take: the first pattern that fits."""
    return next((service for pattern, service in ROUTE.findall(GATEWAY) if re.search(pattern, path)), "whole")


def groups(workers: Iterable[str]) -> set[frozenset[str]]:
    return {frozenset(queues.split(",")) for queues in workers}
