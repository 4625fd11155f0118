"""Requests that come at the same time are carried out in one transaction, and what hurts one hurts no other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

import db
from api.http.batching import RequestBatcher
from shop.checkout.refusals import OutOfStock
from tests.sandboxes import wait_until

pytestmark = pytest.mark.usefixtures("database")


class Counter:
    """Answers what it is asked, and remembers who was asked together. The first wave is held until `go`."""

    def __init__(self) -> None:
        self.waves: list[list[str]] = []
        self.go = Event()
        self.together: RequestBatcher[str, str] = RequestBatcher(self.work)

    def work(self, session: Session, things: Sequence[str]) -> list[str | Exception]:
        self.waves.append(list(things))
        if len(self.waves) == 1:
            assert self.go.wait(5)
        if "poison" in things:
            raise ZeroDivisionError
        return [OutOfStock() if thing == "refused" else thing.upper() for thing in things]

    def ask(self, pool: ThreadPoolExecutor, thing: str, mark: str = "", repeatable: bool = False) -> Future[str]:
        """Returns once it is served or waits."""
        asked = len(self.waves), len(self.together._waiting)
        marks = frozenset({mark or thing})
        answer = pool.submit(self.together.do, thing, marks, repeatable=repeatable)
        wait_until(lambda: (len(self.waves), len(self.together._waiting)) != asked)
        return answer


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as threads:
        yield threads


@pytest.fixture
def counter(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter]:
    monkeypatch.setattr("api.http.batching.PATIENCE", 5.0)
    made = Counter()
    yield made
    made.go.set()


def test_those_who_wait_are_served_together(counter: Counter, pool: ThreadPoolExecutor) -> None:
    answers = [counter.ask(pool, thing) for thing in ("a", "b", "c", "d")]
    counter.go.set()
    assert [answer.result() for answer in answers] == ["A", "B", "C", "D"]
    assert counter.waves == [["a"], ["b", "c", "d"]]


def test_two_that_share_a_mark_are_never_in_one_wave(counter: Counter, pool: ThreadPoolExecutor) -> None:
    answers = [counter.ask(pool, thing, mark) for thing, mark in (("a", ""), ("b", "x"), ("c", "x"), ("d", ""))]
    counter.go.set()
    assert [answer.result() for answer in answers] == ["A", "B", "C", "D"]
    assert counter.waves == [["a"], ["b", "d"], ["c"]]


def test_a_refusal_is_told_to_whom_it_concerns(counter: Counter, pool: ThreadPoolExecutor) -> None:
    first, refused, good = (counter.ask(pool, thing) for thing in ("a", "refused", "b"))
    counter.go.set()
    with pytest.raises(OutOfStock):
        refused.result()
    assert (first.result(), good.result(), len(counter.waves)) == ("A", "B", 2)


def test_a_poisoned_wave_is_rolled_back_and_goes_on_one_by_one(counter: Counter, pool: ThreadPoolExecutor) -> None:
    first, good, bad, better = (counter.ask(pool, thing) for thing in ("a", "b", "poison", "c"))
    counter.go.set()
    with pytest.raises(ZeroDivisionError):
        bad.result()
    assert [first.result(), good.result(), better.result()] == ["A", "B", "C"]
    assert counter.waves[:2] == [["a"], ["b", "poison", "c"]]
    assert sorted(counter.waves[2:]) == [["b"], ["c"], ["poison"]]


def test_a_wave_that_is_held_up_holds_up_nobody_behind_it(
    counter: Counter, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.http.batching.PATIENCE", 0.01)
    stuck, quick = counter.ask(pool, "a"), counter.ask(pool, "b")
    assert quick.result(5) == "B"
    assert not stuck.done()
    counter.go.set()
    assert stuck.result(5) == "A"
    assert counter.together.do("c", frozenset(), repeatable=False) == "C"
    assert counter.waves == [["a"], ["b"], ["c"]]


def lose_the_next_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    real = db.transaction

    @contextmanager
    def broken() -> Iterator[Any]:
        monkeypatch.setattr(db, "transaction", real)
        with real() as session:
            yield session
            raise OperationalError("COMMIT", {}, Exception("server closed the connection"), connection_invalidated=True)

    monkeypatch.setattr(db, "transaction", broken)


def test_after_a_lost_commit_only_what_may_be_repeated_is(
    counter: Counter, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = [counter.ask(pool, "a"), counter.ask(pool, "b"), counter.ask(pool, "c", repeatable=True)]
    lose_the_next_commit(monkeypatch)
    counter.go.set()
    assert answers[0].result() == "A"
    with pytest.raises(OperationalError):
        answers[1].result()
    assert answers[2].result() == "C"
    assert counter.waves == [["a"], ["b", "c"], ["c"]]


def test_when_the_database_is_away_nobody_asks_again(
    counter: Counter, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = [counter.ask(pool, thing) for thing in ("a", "b", "c")]

    @contextmanager
    def away() -> Iterator[Any]:
        raise OperationalError("", {}, Exception("connection refused"))
        yield

    monkeypatch.setattr(db, "transaction", away)
    counter.go.set()
    assert answers[0].result() == "A"
    for answer in answers[1:]:
        with pytest.raises(OperationalError):
            answer.result()
    assert counter.waves == [["a"]]
