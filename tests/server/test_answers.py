"""Whatever the app does, a client reads one whole answer or sees that it is none; and no thread is lost."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.server.wire import Wire, ask, echoing, head


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with echoing(threads=1) as (port, _):
        yield port


@pytest.mark.parametrize("what", ["leaves", "unspeakable", "split", "short", "long", "silent"])
def test_what_would_be_misread_is_a_500_and_the_only_thread_goes_on(port: int, what: str) -> None:
    wire = Wire(port).send(head("GET", f"/odd/{what}"))
    said = wire.answer()
    assert (said.status, said.json["code"]) == (500, "internal_server_error")
    assert "Set-Cookie" not in said.head
    assert wire.is_over()
    assert ask(port, "/x").status == 200


def test_a_status_that_comes_with_the_first_part_is_told(port: int) -> None:
    said = ask(port, "/odd/late")
    assert (said.status, said.body) == (201, b"late")
    assert "Transfer-Encoding" not in said.head


def test_an_answer_that_ends_in_the_middle_is_seen_to_have_no_end(port: int) -> None:
    wire = Wire(port).send(head("GET", "/odd/halfway"))
    said = wire.all()
    assert said.startswith(b"HTTP/1.1 200 OK")
    assert not said.endswith(b"0\r\n\r\n")
    assert ask(port, "/x").status == 200


def test_an_error_after_the_answer_ends_no_connection(port: int) -> None:
    wire = Wire(port)
    for _ in range(3):
        assert wire.send(head("GET", "/odd/unclosable")).answer().body == b"ok"


def test_what_has_no_body_says_none_and_the_connection_goes_on(port: int) -> None:
    """The next answer follows at once: a client would take anything else for the beginning of it."""
    wire = Wire(port).send(head("HEAD", "/odd/late"), head("GET", "/odd/bodiless"), head("GET", "/odd/unclosable"))
    wire.send(head("GET", "/last", Connection="close"))
    heads = wire.all().split(b"\r\n\r\n")
    assert [one.partition(b"\r\n")[0] for one in heads[:3]] == [
        b"HTTP/1.1 201 Created",
        b"HTTP/1.1 204 No Content",
        b"HTTP/1.1 200 OK",
    ]
    assert heads[3].startswith(b"okHTTP/1.1 200 OK")


def test_an_empty_stream_has_an_end(port: int) -> None:
    wire = Wire(port).send(head("GET", "/odd/nothing", Connection="close"))
    assert wire.all().endswith(b"\r\n\r\n0\r\n\r\n")


def test_an_old_client_reads_a_stream_to_its_end_without_chunks(port: int) -> None:
    said = Wire(port).send(b"GET /stream?3 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").all()
    headers, _, body = said.partition(b"\r\n\r\n")
    assert b"Transfer-Encoding" not in headers
    assert body == b"x" * 300_000


def test_all_paths_reach_the_app_as_bytes_and_nobody_falls_over(port: int) -> None:
    for target in (b"/%00", b"/%0d%0aX:%20y", b"/%ff%fe", b"/%zz", b"//x", b"/a%2fb", b"http://other/x", b"/?%00"):
        wire = Wire(port).send(b"POST " + target + b" HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
        assert wire.answer().status in (200, 500), target  # our echo wants a number behind the `?`
    assert "POST /\r\nX: y" in ask(port, "/seen").json
    assert Wire(port).send(b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n").answer().status == 200
