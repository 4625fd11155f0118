"""A short soak; and the same seed draws the same faults at the same times."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from tests.faults.soak.fault import Fault, draw
from tests.faults.soak.run import hold
from tests.services.session import Services
from tests.stack.fixtures import PAIRS


@pytest.mark.slow
@pytest.mark.parametrize("pair", PAIRS)
def test_p1_p2_p4_a_short_soak_loses_and_doubles_nothing(pair: str, services: Services, tmp_path: Path) -> None:
    hold(pair, services, tmp_path, seed=1, seconds=20).must_be_clean()


@pytest.mark.sample
def test_the_same_seed_draws_the_same_faults_and_every_few_seconds_one() -> None:
    kinds = [[_fault("frost"), _fault("flood")], [_fault("fire")]]
    drawn = draw(kinds, seed=5, seconds=60)
    assert drawn == draw(kinds, seed=5, seconds=60) != draw(kinds, seed=6, seconds=60)
    assert {one.fault.name for one in drawn} == {"frost", "flood", "fire"}
    gaps = [later.at - one.at for one, later in pairwise(drawn)]
    assert all(1.5 <= gap <= 5 for gap in gaps)
    assert all(1 <= one.lasts <= 2 and one.at < 60 for one in drawn)


def _fault(name: str) -> Fault:
    return Fault(name, "a target", print, print, 1, 2)
