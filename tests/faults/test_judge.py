"""Fair weather is clean, and the judge sees what it is there to see."""

from __future__ import annotations

import time

from tests.faults.judge import Judge
from tests.faults.shoppers import Shoppers
from tests.stack import Stack


def test_in_fair_weather_nobody_has_anything_to_complain_of(stack: Stack) -> None:
    judge = Judge(stack)
    with Shoppers(stack, judge, stack.sku(on_hand=100), tokens=("tok_ok", "tok_declined", "tok_flaky")):
        time.sleep(2)
    judge.faults_are_over()
    tally = judge.verdict()
    tally.must_be_clean()
    assert tally.accepted == len(judge) >= 3
