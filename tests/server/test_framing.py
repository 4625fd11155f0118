"""What is no whole request, or could be read in two ways, never gets to the app."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.server.wire import Wire, ask, echoing, head


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with echoing(body=1000, head=4096) as (port, _):
        yield port


NONSENSE = {
    "length and chunks at once": head("POST", "/x", Content_Length=5, Transfer_Encoding="chunked") + b"0\r\n\r\n",
    "chunks and length at once": head("POST", "/x", Transfer_Encoding="chunked", Content_Length=3) + b"0\r\n\r\n",
    "a negative length": head("POST", "/x", Content_Length=-1) + b"abc",
    "a length with a sign": head("POST", "/x", Content_Length="+3") + b"abc",
    "a length in hex": head("POST", "/x", Content_Length="0x3") + b"abc",
    "lines without CR": b"GET /x HTTP/1.1\nHost: a\n\n",
    "a head that ends with CR": b"GET /x HTTP/1.1\r\nHost: a\r\n\rGET /y HTTP/1.1\r\nHost: a\r\n\r\n",
    "a space after a chunk's size": head("POST", "/x", Transfer_Encoding="chunked") + b"1 \r\na\r\n0\r\n\r\n",
    "a line break in an extension": head("POST", "/x", Transfer_Encoding="chunked") + b"1;a\nb\r\na\r\n0\r\n\r\n",
    "a chunk's size that overflows": head("POST", "/x", Transfer_Encoding="chunked") + b"1" + b"0" * 16 + b"\r\na",
    "a length that overflows": head("POST", "/x", Content_Length=1 << 64) + b"a",
    "a trailer that is a length": head("POST", "/x", Transfer_Encoding="chunked") + b"0\r\nContent-Length: 5\r\n\r\n",
    "HTTP/0.9": b"GET /x\r\n\r\n",
    "two lengths": b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    "two lengths in one": head("POST", "/x", Content_Length="3, 4") + b"abcd",
    "gzip": head("POST", "/x", Transfer_Encoding="gzip") + b"abc",
    "gzip and chunks": head("POST", "/x", Transfer_Encoding="gzip, chunked") + b"0\r\n\r\n",
    "chunks twice": head("POST", "/x", Transfer_Encoding="chunked, chunked") + b"0\r\n\r\n",
    "chunks that are none": head("POST", "/x", Transfer_Encoding="xchunked") + b"0\r\n\r\n",
    "chunks in HTTP/1.0": b"POST /x HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a chunk's size that is none": head("POST", "/x", Transfer_Encoding="chunked") + b"zz\r\nabc\r\n0\r\n\r\n",
    "a chunk longer than it says": head("POST", "/x", Transfer_Encoding="chunked") + b"2\r\nabc\r\n0\r\n\r\n",
    "a space before the colon": b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length : 3\r\n\r\nabc",
    "a folded header": b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n 3\r\n\r\nabc",
    "a NUL in a header": b"GET /x HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n",
    "no host": b"GET /x HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /x HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "two keys": b"GET /x HTTP/1.1\r\nHost: a\r\nIdempotency-Key: a\r\nIdempotency-Key: b\r\n\r\n",
    "a tunnel": b"CONNECT bank:443 HTTP/1.1\r\nHost: bank\r\n\r\n",
    "no path": b"GET x HTTP/1.1\r\nHost: a\r\n\r\n",
    "no HTTP at all": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
}


@pytest.mark.parametrize("what", NONSENSE)
def test_what_two_readers_might_read_differently_is_400_and_reaches_nobody(port: int, what: str) -> None:
    before = ask(port, "/seen").json
    wire = Wire(port).send(NONSENSE[what], head("GET", "/smuggled"))
    said = wire.answer()
    assert (said.status, said.json["code"]) == (400, "bad_request")
    assert wire.is_over()
    assert ask(port, "/seen").json == before


BROKEN_OFF = {
    "a head": b"POST /x HTTP/1.1\r\nHost: a\r\nContent-",
    "a body": head("POST", "/x", Content_Length=6) + b"129",
    "a body of which nothing came": head("POST", "/x", Content_Length=6),
    "a chunk": head("POST", "/x", Transfer_Encoding="chunked") + b"6\r\n129",
    "chunks without the last": head("POST", "/x", Transfer_Encoding="chunked") + b"3\r\n129\r\n",
    "the last chunk without its end": head("POST", "/x", Transfer_Encoding="chunked") + b"3\r\n129\r\n0\r\n",
}


@pytest.mark.parametrize("what", BROKEN_OFF)
def test_what_breaks_off_is_400_and_reaches_nobody(port: int, what: str) -> None:
    before = ask(port, "/seen").json
    said = Wire(port).send(BROKEN_OFF[what]).end().answer()
    assert (said.status, said.json["detail"]) == (400, "The connection ended before the request did. Nothing was done.")
    assert ask(port, "/seen").json == before


@pytest.mark.parametrize("what", BROKEN_OFF)
def test_nor_does_it_when_nobody_listens_any_more(port: int, what: str) -> None:
    before = ask(port, "/seen").json
    Wire(port).send(BROKEN_OFF[what]).close()
    assert ask(port, "/seen").json == before


def test_chunks_arrive_as_a_body_of_known_length(port: int) -> None:
    chunks = (b"3;x=y\r\nabc\r\n", b"2\r\nde\r\n", b"0\r\nAuthorization: Bearer later\r\n\r\n")
    told = Wire(port).send(head("POST", "/x", Transfer_Encoding="chunked"), *chunks).answer().json
    assert told["body"] == "abcde"
    assert told["headers"] == {"HTTP_HOST": "shop", "CONTENT_LENGTH": "5"}  # what came after the body is no header


def test_a_name_with_an_underscore_is_not_taken_for_one_with_a_hyphen(port: int) -> None:
    forged = b"GET /x HTTP/1.1\r\nHost: a\r\nX_Forwarded_For: 10.0.0.1\r\nContent_Length: 5\r\n\r\n"
    assert Wire(port).send(forged).answer().json["headers"] == {"HTTP_HOST": "a"}


def test_requests_that_come_at_once_are_answered_in_their_order(port: int) -> None:
    wire = Wire(port).send(head("POST", "/x?0.2", Content_Length=1), b"1", head("POST", "/x", Content_Length=1), b"2")
    assert [wire.answer().json["body"], wire.answer().json["body"]] == ["1", "2"]


def test_an_answer_comes_before_the_refusal_of_what_follows_it(port: int) -> None:
    wire = Wire(port).send(head("GET", "/x?0.2"), b"nonsense\r\n\r\n")
    assert [wire.answer().status, wire.answer().status] == [200, 400]


def test_too_large_is_413_before_it_is_all_there(port: int) -> None:
    wire = Wire(port).send(head("POST", "/x", Content_Length=1001))
    said = wire.answer()
    assert (said.status, said.json["code"], said.json["detail"]) == (413, "too_large", "At most 1000 bytes.")
    chunked = Wire(port).send(head("POST", "/x", Transfer_Encoding="chunked"), b"3e9\r\n", b"x" * 1001)
    assert chunked.answer().status == 413


LONG = 600_000  # more than is read at once


@pytest.mark.parametrize(
    "endless",
    [
        b"GET /" + b"x" * LONG,
        b"GET / HTTP/1.1\r\nX: " + b"x" * LONG,
        b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 1000,
        b"GET / HTTP/1.1\r\n" + b"".join(b"X%d:\r\n" % number for number in range(200)),
        head("POST", "/x", Transfer_Encoding="chunked") + b"1;" + b"x" * LONG,
        head("POST", "/x", Transfer_Encoding="chunked") + b"0\r\nX: " + b"x" * LONG,
    ],
)
def test_a_head_without_end_is_431(port: int, endless: bytes) -> None:
    wire = Wire(port)
    for start in range(0, len(endless), 50_000):
        wire.send(endless[start : start + 50_000])
    assert wire.answer().status == 431


def test_one_that_says_it_waits_is_told_to_go_on(port: int) -> None:
    wire = Wire(port).send(head("POST", "/x", Content_Length=3, Expect="100-continue"))
    assert wire.socket.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert wire.send(b"abc").answer().json["body"] == "abc"


def test_an_old_client_is_not_told_to_go_on(port: int) -> None:
    old = b"POST /x HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\na"
    assert Wire(port).send(old).answer().status == 200


def test_an_old_client_is_answered_and_the_connection_closed(port: int) -> None:
    wire = Wire(port).send(b"GET /x HTTP/1.0\r\n\r\n")
    assert "Connection: close" in wire.answer().head
    assert wire.is_over()


def test_who_offers_another_protocol_is_answered_in_this_one(port: int) -> None:
    wire = Wire(port).send(head("GET", "/x", Connection="Upgrade", Upgrade="h2c"))
    assert wire.answer().status == 200
    assert wire.is_over()
