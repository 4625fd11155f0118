"""Apps that do what PEP 3333 allows, and some things that it does not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

Start = Callable[..., Any]
TEXT = ("Content-Type", "text/plain")


def late(start: Start) -> Iterator[bytes]:
    """The status comes with the first part."""
    start("201 Created", [TEXT, ("Content-Length", "4")])
    yield b"la"
    yield b"te"


def leaves(start: Start) -> Iterable[bytes]:
    raise SystemExit


def unspeakable(start: Start) -> Iterable[bytes]:
    start("200 OK", [("X-Name", "\u20ac"), ("Content-Length", "2")])
    return [b"ok"]


def split(start: Start) -> Iterable[bytes]:
    start("200 OK", [("X-Name", "a\r\nSet-Cookie: b"), ("Content-Length", "2")])
    return [b"ok"]


def short(start: Start) -> Iterable[bytes]:
    start("200 OK", [("Content-Length", "10")])
    return [b"short"]


def long(start: Start) -> Iterable[bytes]:
    start("200 OK", [("Content-Length", "2")])
    return [b"okHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"]


def silent(start: Start) -> Iterable[bytes]:
    return [b"no status"]


def halfway(start: Start) -> Iterator[bytes]:
    start("200 OK", [TEXT])
    yield b"x" * 10
    raise RuntimeError("halfway")


class Unclosable:
    def __init__(self, start: Start) -> None:
        start("200 OK", [("Content-Length", "2")])

    def __iter__(self) -> Iterator[bytes]:
        return iter([b"ok"])

    def close(self) -> None:
        raise RuntimeError("close")


def nothing(start: Start) -> Iterable[bytes]:
    start("200 OK", [TEXT])
    return []


def bodiless(start: Start) -> Iterable[bytes]:
    start("204 No Content", [])
    return [b"a body all the same"]


APPS: dict[str, Callable[[Start], Iterable[bytes]]] = {
    app.__name__.lower(): app
    for app in (late, leaves, unspeakable, split, short, long, silent, halfway, Unclosable, nothing, bodiless)
}
