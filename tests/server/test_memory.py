"""What one client makes the server keep is bounded, and given back."""

from __future__ import annotations

import time

from tests.server.wire import Wire, ask, echoing, head

BODY = 500_000


def test_what_came_behind_a_request_whose_client_left_is_not_counted_for_ever() -> None:
    with echoing(held=1_000_000, rate=1) as (port, _):
        half = head("POST", "/half", Content_Length=900_000) + b"x" * 60_000
        for _ in range(20):
            Wire(port).send(head("GET", "/x?0.2") + half).reset()
        time.sleep(1.5)
        whole = Wire(port).send(head("POST", "/x", Content_Length=BODY), b"x" * (BODY // 2))
        time.sleep(0.3)
        assert whole.send(b"x" * (BODY // 2)).answer().status == 200


def test_bodies_that_wait_for_a_thread_give_way_too() -> None:
    with echoing(threads=1, held=1_200_000) as (port, _):
        first = Wire(port).send(head("GET", "/first?2"))
        time.sleep(0.2)
        whole = [Wire(port).send(head("POST", "/x", Content_Length=BODY), b"x" * BODY) for _ in range(6)]
        statuses = sorted(wire.status_or_none() or 503 for wire in whole)
        assert statuses == [200, 200, 503, 503, 503, 503]
        assert first.answer().status == 200


def test_of_many_requests_at_once_on_one_connection_some_dozens_are_answered_and_the_rest_refused() -> None:
    with echoing() as (port, _):
        wire = Wire(port).send(head("GET", "/x?0.5") + head("GET", "/x") * 2000)
        said = [wire.answer().status for _ in range(34)]
        assert said == [200] * 33 + [503]
        assert wire.is_over()
        assert len(ask(port, "/seen").json) == 33


def test_what_follows_the_last_request_is_never_served() -> None:
    """Not even once a client reads at last what it had left unread."""
    with echoing() as (port, _):
        size = 8_000_000
        last = b"POST /last HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: %d\r\n\r\n" % size
        wire = Wire(port).send(last, b"x" * size, b"POST /smuggled HTTP/1.0\r\nContent-Length: 0\r\n\r\n")
        time.sleep(1)
        assert len(wire.all()) > size
        assert ask(port, "/seen").json == ["POST /last"]


def test_one_that_waits_to_be_asked_behind_another_request_is_asked_in_its_turn() -> None:
    with echoing() as (port, _):
        asks = head("POST", "/y", Content_Length=3, Expect="100-continue")
        wire = Wire(port).send(head("GET", "/x?0.3") + asks)
        assert wire.answer().status == 200
        assert wire.is_asked_for_more()
        assert wire.send(b"abc").answer().json["body"] == "abc"
