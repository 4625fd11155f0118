"""Ids are made by many processes at once: they lie together by time, and never differ from the clock by much."""

from __future__ import annotations

import time

from db.schema import is_id, new_id


def test_a_burst_of_ids_is_in_order_and_none_twice() -> None:
    ids = [new_id() for _ in range(50_000)]
    assert ids == sorted(set(ids))
    assert all(map(is_id, ids[:100]))


def test_a_burst_of_ids_does_not_run_ahead_of_the_clock() -> None:
    """One millisecond for each of them would be a minute: younger rows of other processes would lie before them."""
    before = time.time()
    ids = [new_id() for _ in range(50_000)]
    assert _moment(ids[0]) >= before - 0.01
    assert _moment(ids[-1]) <= time.time() + 0.01


def _moment(id: str) -> float:
    return int(id.replace("-", "")[:12], 16) / 1000
