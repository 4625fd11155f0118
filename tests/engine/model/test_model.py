"""Whatever steps answer, however messages come and whoever dies, every run ends and nothing happens twice."""

from __future__ import annotations

import logging
import os
import random
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.engine.driver import Driver
from tests.engine.model.machine import ToldBy
from tests.engine.model.world import World

SAMPLE = 120  # stories told by `make test`, the same ones every time
LONG = os.environ.get("MODEL_EXAMPLES")  # by `make model`: others each time, unless MODEL_SEED says which
SHARE = {"sqlite": 1, "postgresql": 4}  # the slower tells one in so many
STEPS = 30


@pytest.fixture
def world(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    logging.disable()  # steps break on purpose
    yield World(driver, monkeypatch)
    logging.disable(logging.NOTSET)


def test_every_run_ends_and_nothing_happens_twice(world: World) -> None:
    def told() -> ToldBy:
        return ToldBy(world)

    if LONG:
        first = int(os.environ.get("MODEL_SEED", random.randrange(10**6)))
        print(f"seed {first}")
        seed(first)(told)
    run_state_machine_as_test(
        told,
        settings=settings(
            derandomize=not LONG,
            database=None,
            max_examples=int(LONG or SAMPLE) // SHARE[world.driver.kind],
            stateful_step_count=STEPS,
            phases=(Phase.generate, Phase.shrink),
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
