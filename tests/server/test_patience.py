"""Who sends slowly, reads slowly, or only sits there holds up nobody, and has to leave."""

from __future__ import annotations

import signal
import socket
import time
from pathlib import Path

import pytest

from tests.server.wire import Wire, ask, echoing, head

QUICK = {"window": 1.0, "rate": 1000, "idle": 1.0, "linger": 0.5}


def test_a_body_that_does_not_come_is_408_and_the_app_never_hears_of_it() -> None:
    with echoing(**QUICK) as (port, _):
        wire = Wire(port).send(head("POST", "/slow", Content_Length=100), b"1")
        said = wire.answer()
        assert (said.status, said.json["code"]) == (408, "request_timeout")
        assert wire.is_over()
        assert ask(port, "/seen").json == []


def test_a_byte_now_and_then_is_too_slow_and_a_kilobyte_is_not() -> None:
    with echoing(**QUICK) as (port, _):
        slow = Wire(port).send(head("POST", "/slow", Content_Length=1000))
        good = Wire(port).send(head("POST", "/good", Content_Length=24_000))
        for second in range(24):
            slow.send(b"1" * (second < 12))
            good.send(b"2" * 1000)
            time.sleep(0.1)
        assert slow.answer().status == 408
        assert len(good.answer().json["body"]) == 24_000
        assert ask(port, "/seen").json == ["POST /good"]


def test_one_that_never_asks_and_one_that_asks_no_more_have_to_leave() -> None:
    with echoing(**QUICK) as (port, _):
        silent, done = Wire(port), Wire(port)
        assert done.send(head("GET", "/x")).answer().status == 200
        assert silent.is_over()
        assert done.is_over()


def test_half_sent_requests_take_no_thread() -> None:
    with echoing(threads=1) as (port, _):
        for kind in (b"GET /", head("POST", "/x", Content_Length=100) + b"1", b""):
            for _ in range(50):
                Wire(port).send(kind)
        begun = time.monotonic()
        assert ask(port, "/x").status == 200
        assert time.monotonic() - begun < 1


def test_an_answer_that_nobody_reads_is_cut_off_and_its_thread_goes_on() -> None:
    with echoing(threads=1, **QUICK) as (port, _):
        deaf = _with_a_small_buffer(port)
        deaf.sendall(head("GET", "/stream?300"))
        time.sleep(0.5)
        assert ask(port, "/x", seconds=10).status == 200  # the only thread is free again
        read = 0
        while part := deaf.recv(1_000_000):
            read += len(part)
        deaf.close()
        assert read < 300 * 100_000


def test_answers_that_nobody_reads_are_no_reason_to_ask_the_app_again() -> None:
    with echoing(**QUICK) as (port, _):
        deaf = _with_a_small_buffer(port)
        deaf.sendall(head("POST", "/loud", Content_Length=100_000) + b"x" * 100_000)
        deaf.settimeout(0.5)
        hundred_megabytes = (head("POST", "/loud", Content_Length=100_000) + b"x" * 100_000) * 1000
        with pytest.raises((TimeoutError, ConnectionError)):
            deaf.sendall(hundred_megabytes)
        deaf.close()
        assert len(ask(port, "/seen").json) < 200


@pytest.mark.parametrize("kind", [b"GET /", head("POST", "/x", Content_Length=100) + b"1", b""])
def test_of_too_many_of_one_address_those_that_wait_longest_leave(kind: bytes) -> None:
    with echoing(by_address=20) as (port, _):
        wires = [Wire(port).send(kind) for _ in range(60)]
        assert ask(port, "/x").status == 200  # who comes late and has something to ask is let in
        assert all(wire.is_over() for wire in wires[:30])
        assert not wires[-1].is_over(0.2)


def test_one_that_is_being_served_is_not_sent_away() -> None:
    with echoing(by_address=2) as (port, _):
        asked = Wire(port).send(head("GET", "/x?1"))
        for _ in range(20):
            Wire(port).send(b"GET /")
        assert asked.answer().status == 200


def test_when_all_of_one_address_are_being_served_the_next_is_not_let_in() -> None:
    with echoing(by_address=2) as (port, _):
        asked = [Wire(port).send(head("GET", "/x?1")) for _ in range(2)]
        time.sleep(0.3)
        assert Wire(port).is_over()
        assert [wire.answer().status for wire in asked] == [200, 200]


def test_behind_a_proxy_its_clients_are_told_apart() -> None:
    with echoing(by_address=2, proxies=1) as (port, _):
        noisy = [Wire(port).send(_from("10.0.0.1"), b"1") for _ in range(5)]
        others = [Wire(port).send(_from(f"10.0.1.{n}"), b"1") for n in range(5)]
        assert [wire.answer().status for wire in noisy[:3]] == [503] * 3
        assert {wire.send(b"2").answer().status for wire in (*noisy[3:], *others)} == {200}


def test_bodies_that_fill_the_memory_give_way_to_what_is_small() -> None:
    with echoing(held=1_000_000) as (port, _):
        large = [Wire(port).send(head("POST", "/x", Content_Length=900_000), b"x" * 400_000) for _ in range(4)]
        assert ask(port, "/x").status == 200
        assert [wire.is_over(0.3) for wire in large].count(True) == 2


def test_asked_to_stop_it_answers_what_is_under_way_and_lets_nobody_in() -> None:
    with echoing(grace=5) as (port, process):
        idle, half = Wire(port), Wire(port).send(head("POST", "/half", Content_Length=2), b"1")
        asked = Wire(port).send(head("GET", "/x?1"))
        time.sleep(0.3)
        process.send_signal(signal.SIGTERM)
        assert idle.is_over()
        with pytest.raises(ConnectionError):
            ask(port, "/x", seconds=0.5)
        assert half.send(b"2").answer().json["body"] == "12"
        said = asked.answer()
        assert (said.status, "Connection: close" in said.head) == (200, False)
        assert asked.is_over()
        assert process.wait(10) == 0


def test_asked_to_stop_it_does_not_wait_for_ever() -> None:
    with echoing(grace=1) as (port, process):
        Wire(port).send(head("POST", "/half", Content_Length=2), b"1")
        time.sleep(0.2)
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 0


def test_asked_to_stop_it_finishes_a_stream_that_is_read() -> None:
    with echoing(grace=10) as (port, process):
        wire = Wire(port).send(head("GET", "/stream?200", Connection="close"))
        assert wire.socket.recv(1)
        process.send_signal(signal.SIGTERM)
        assert wire.all().endswith(b"\r\n0\r\n\r\n")
        assert process.wait(10) == 0


def test_asked_to_stop_it_cuts_off_a_stream_that_nobody_reads() -> None:
    with echoing(grace=1) as (port, process):
        deaf = _with_a_small_buffer(port)
        deaf.sendall(head("GET", "/stream?300"))
        assert deaf.recv(1)
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 0
        deaf.close()


def test_asked_to_stop_it_ends_what_it_does_for_one_who_has_gone(tmp_path: Path) -> None:
    done = tmp_path / "done"
    with echoing(grace=10) as (port, process):
        Wire(port).send(head("GET", f"/write/{done}?1")).reset()
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    assert done.exists()


def _from(address: str) -> bytes:
    return head("POST", "/x", Content_Length=2, X_Forwarded_For=f"1.2.3.4, {address}")


def _with_a_small_buffer(port: int) -> socket.socket:
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect(("127.0.0.1", port))
    return client
