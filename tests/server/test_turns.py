"""Addresses take turns: whoever asks a lot waits for themselves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from server.turns import Turns
from tests.server.wire import Wire, echoing, head


@contextmanager
def turns(threads: int) -> Iterator[tuple[Turns[str, str], list[str]]]:
    begun: list[str] = []
    yield Turns(threads, lambda who, party, what: begun.append(who)), begun


def test_one_address_alone_takes_three_quarters_of_the_threads() -> None:
    with turns(32) as (some, begun):
        for number in range(100):
            some.add(f"a{number}", "a", "x")
        assert begun == [f"a{number}" for number in range(24)]


def test_whoever_comes_next_is_served_at_once_and_then_they_take_turns() -> None:
    with turns(4) as (some, begun):
        for number in range(10):
            some.add(f"a{number}", "a", "x")
        for number in range(3):
            some.add(f"b{number}", "b", "x")
        assert begun == ["a0", "a1", "a2", "b0"]
        for _ in range(4):
            some.done("a")
            some.done("b")
        assert begun[4:8] == ["a3", "b1", "a4", "b2"]


def test_what_is_dropped_is_never_begun() -> None:
    with turns(1) as (some, begun):
        for name in ("one", "two", "three"):
            some.add(name, "a", name.upper())
        assert (some.drop("two"), some.drop("two"), some.drop("one")) == ("TWO", None, None)
        some.done("a")
        some.done("a")
        assert begun == ["one", "three"]
        assert not some.busy


def test_an_address_that_keeps_all_busy_delays_no_other() -> None:
    with echoing(threads=4, proxies=1) as (port, _):
        loud = [Wire(port).send(head("GET", "/loud?2", X_Forwarded_For="10.0.0.1")) for _ in range(40)]
        for number in range(5):
            other = Wire(port, seconds=1.5)
            assert other.send(head("GET", "/x", X_Forwarded_For=f"10.0.1.{number}")).answer().status == 200
        assert loud[0].answer().status == 200


def test_who_is_gone_before_their_turn_is_not_served() -> None:
    with echoing(threads=1) as (port, _):
        first = Wire(port).send(head("GET", "/first?1"))
        for _ in range(20):
            Wire(port).send(head("POST", "/gone?1", Content_Length=1), b"x").reset()
        assert first.answer().status == 200
        assert Wire(port).send(head("GET", "/seen")).answer().json == ["GET /first"]
