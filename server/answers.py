"""Answering a request by the WSGI app (PEP 3333), in a thread that may block."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterable, Iterator
from email.utils import formatdate
from functools import lru_cache
from itertools import chain
from typing import Any, Protocol

from server.refusals import Refused, answer_to
from server.requests import Request

App = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
Headers = list[tuple[str, str]]

_BREAKS = re.compile(r"[\r\n\0]")

log = logging.getLogger("server")


class ClientGone(Exception):
    """The client is gone while the app still writes its answer."""


class Client(Protocol):
    """The connection, as a thread sees it."""

    def finish(self, data: bytes, *, keep: bool) -> None:
        """Send the end of the answer, without waiting; then take the next request (`keep`) or close."""

    def send(self, part: bytes) -> None:
        """Send a part of the answer; return once there is room for more. Raises ClientGone."""

    def cut(self) -> None:
        """Abort the connection, so that the client sees that the rest is missing."""


def answer(app: App, request: Request, client: Client) -> None:
    """Run the app and send its answer.

    Raises nothing: if the app raises, the client gets a 500, or is cut off once a part was sent.
    """
    reply = Reply(request)
    try:
        _run(app, request, reply, client)
    except ClientGone:
        return
    except BaseException:  # SystemExit, say: the thread is still needed
        log.exception("the app raised")
        if reply.done:
            return
        if reply.sent:
            client.cut()
        else:
            client.finish(answer_to(Refused(500, "Something went wrong on our side.")), keep=False)


def _run(app: App, request: Request, reply: Reply, client: Client) -> None:
    parts = app(request.environ, reply.start)
    try:
        _give(reply, _begun(parts), client)
    finally:
        getattr(parts, "close", _nothing)()


def _begun(parts: Iterable[bytes]) -> Iterator[bytes]:
    """Fetch the first part of the answer: an app may name the status as late as that (PEP 3333)."""
    some = iter(parts)
    first = next(some, None)
    return chain([first], some) if first is not None else some


def _give(reply: Reply, parts: Iterator[bytes], client: Client) -> None:
    """Send the answer at once if the app gives its length, else in chunks, as fast as the client reads."""
    if reply.streams:
        for part in filter(None, parts):
            client.send(reply.head() + reply.chunk(part))
        last = reply.head() + reply.end()
    else:
        body = b"" if reply.bodiless else b"".join(parts)
        last = reply.head(body) + body
    reply.done = True
    client.finish(last, keep=reply.keep)


class Reply:
    """Status and headers of an answer, and how the end of its body is marked."""

    def __init__(self, request: Request) -> None:
        self.keep = request.keep
        self.sent = self.done = False
        self._head_only = request.environ["REQUEST_METHOD"] == "HEAD"
        self._chunks = request.environ["SERVER_PROTOCOL"] == "HTTP/1.1"
        self._status, self._headers = "", Headers()

    def start(self, status: str, headers: Headers, exc_info: Any = None) -> Callable[[bytes], None]:
        if exc_info and self.sent:
            raise exc_info[1].with_traceback(exc_info[2])
        self._status, self._headers = status, headers
        return _no_writing

    @property
    def bodiless(self) -> bool:
        return self._head_only or self._status[:3] in ("204", "304")

    @property
    def streams(self) -> bool:
        return not self.bodiless and self._length is None

    @property
    def _length(self) -> str | None:
        return next((value for name, value in self._headers if name.lower() == "content-length"), None)

    def head(self, body: bytes = b"") -> bytes:
        """Return the head at the first call, then b"". Raises ValueError for one that a client would misread."""
        if self.sent:
            return b""
        if not (self.bodiless or self.streams or self._length == str(len(body))):
            raise ValueError(f"The app says {self._length} bytes and gives {len(body)}.")
        self.keep = self.keep and (self._chunks or not self.streams)
        own = [("Date", _date(int(time.time())))]
        own += [("Transfer-Encoding", "chunked")] * (self.streams and self._chunks)
        own += [("Connection", "close")] * (not self.keep)
        lines = (f"HTTP/1.1 {self._status}", *(f"{name}: {value}" for name, value in (*self._headers, *own)))
        if not self._status or any(_BREAKS.search(line) for line in lines):
            raise ValueError("The app names no status, or one of its headers has a line break.")
        head = "\r\n".join((*lines, "", "")).encode("latin-1")
        self.sent = True
        return head

    def chunk(self, part: bytes) -> bytes:
        return b"%x\r\n%b\r\n" % (len(part), part) if self._chunks else part

    def end(self) -> bytes:
        return b"0\r\n\r\n" if self._chunks else b""


@lru_cache(maxsize=1)
def _date(second: int) -> str:
    return formatdate(second, usegmt=True)


def _nothing() -> None:
    pass


def _no_writing(_: bytes) -> None:
    raise NotImplementedError("Only old frameworks write; ours return what there is to say.")
