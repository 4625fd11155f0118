"""A quick round of every race; and the watcher finds what it has to find."""

from __future__ import annotations

import pytest

from tests.faults.races.report import Report
from tests.faults.races.rounds import round_of
from tests.faults.races.two_doors import Ground
from tests.faults.races.watch import Watcher
from tests.sandboxes import Answer, wait_until
from tests.stack import Stack


@pytest.mark.sample
def test_p3_p4_p5_p6_p12_a_quick_round_of_every_race_is_exact(stack: Stack) -> None:
    for report in round_of(Ground(stack), seed=1, quick=True):
        print(report)
        assert not report.wrong, report.wrong


@pytest.mark.sample("embedded")
def test_the_watcher_sees_units_that_nobody_received_and_units_that_nobody_holds(stack: Stack) -> None:
    sku = stack.sku(on_hand=3)
    with Watcher(stack, sku, 3) as watcher:
        wait_until(lambda: watcher.looks > 2)
        assert watcher.wrong == []
        stack.shelf.change("UPDATE stock SET on_hand = 4 WHERE sku = :sku", sku=sku)
        wait_until(lambda: watcher.wrong)
        stack.shelf.change("UPDATE stock SET on_hand = 3 WHERE sku = :sku", sku=sku)
    seen = len(watcher.wrong)
    with Watcher(stack, sku, 3) as another:
        stack.shelf.change("UPDATE stock SET reserved = 1 WHERE sku = :sku", sku=sku)
        wait_until(lambda: another.wrong)
        stack.shelf.change("UPDATE stock SET reserved = 0 WHERE sku = :sku", sku=sku)
    assert seen
    assert "'reserved': 1, 'held': 0" in another.wrong[0]


@pytest.mark.sample
def test_an_answer_that_was_not_expected_makes_a_race_inexact() -> None:
    report = Report("one cart ordered twice")
    report.count_answers([Answer(202, {}, {}), Answer(503, {"code": "unavailable"}, {})], accepted=1, cart_empty=1)
    assert report.wrong == ["cart_empty: 0, not 1", "unavailable: 1, not 0"]
    assert str(report).startswith("NOT EXACT  one cart ordered twice: 1 accepted, 0 cart_empty")
