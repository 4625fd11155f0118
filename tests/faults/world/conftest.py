"""`world`: a running copy behind proxies, for the drills of a module, on each pair; `judge`: new for each drill."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.judge import Judge
from tests.faults.world.proxied_stack import World, make
from tests.sandbox.receiver import Receiver, receiver
from tests.services.session import Services
from tests.stack.fixtures import PAIRS


@pytest.fixture
def world(world_of_module: World) -> World:
    world_of_module.heal()
    return world_of_module


@pytest.fixture(scope="module", params=PAIRS)
def world_of_module(
    request: pytest.FixtureRequest, services: Services, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """A world per module and pair. A module that needs one pair says `pytestmark = on("services")`."""
    name = request.module.__name__.rpartition("_")[-1]
    with make(request.param, tmp_path_factory.mktemp("world"), services, name) as made:  # type: ignore[arg-type]
        yield made


@pytest.fixture
def judge(world: World) -> Judge:
    return Judge(world.stack)


@pytest.fixture(scope="module")
def bag() -> Iterator[Receiver]:
    """The receiver of the bank's webhooks in place of the shop."""
    with receiver() as bag:
        yield bag
