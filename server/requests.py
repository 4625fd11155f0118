"""Bytes to whole requests. What two parsers might read differently is refused: nothing is smuggled past a proxy.

RFC 9112 6.3: a length and chunks at once, two lengths, a length that is none, and any coding but `chunked` are errors.
llhttp refuses most of it; what it lets pass is refused here.
"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes

import httptools

from server.limits import Limits
from server.refusals import Refused

Environ = dict[str, Any]

_ABSOLUTE = re.compile(rb"https?://[^/?#]*", re.IGNORECASE)
_HOST = re.compile(r"[A-Za-z0-9._~%!$&'()*+,;=:\[\]-]*")
_ONCE = ("HTTP_HOST", "CONTENT_LENGTH", "CONTENT_TYPE", "HTTP_AUTHORIZATION", "HTTP_IDEMPOTENCY_KEY")
_BARE = ("CONTENT_LENGTH", "CONTENT_TYPE")


class _Over(Exception):
    """Bytes follow a request after which the connection ends."""


@dataclass(slots=True)
class Request:
    """A whole request. `keep`: the connection may be used again after it; `size`: bytes of its body."""

    environ: Environ
    keep: bool
    size: int


class Requests:
    """A parser of the bytes of one connection. `feed` calls `head` and `whole` for each request.

    head: with the environ, before the body has come, and whether the client waits for `100 Continue`.
    whole: with the whole request.
    """

    def __init__(
        self,
        limits: Limits,
        largest_body: Callable[[str], int],
        base: Environ,
        head: Callable[[Environ, bool], None],
        whole: Callable[[Request], None],
    ) -> None:
        self._limits, self._largest_body, self._base = limits, largest_body, base
        self._head, self._whole = head, whole
        self._parser = httptools.HttpRequestParser(self)
        self._number = 0
        self._over = False
        self._environ: Environ = {}
        self._reset()

    def feed(self, data: bytes) -> None:
        """Parse these bytes; those after the last request are ignored. Raises Refused; feed nothing after that."""
        if self._over:
            return
        number = self._number
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            return  # a client that offers another protocol is answered in this one, and the connection ends
        except (httptools.HttpParserError, httptools.HttpParserCallbackError) as error:
            self._see(error)
        if self.begun and number == self._number:
            self._fed += len(data)
            self._weigh()

    def _see(self, error: Exception) -> None:
        if isinstance(error.__context__, Refused):
            raise error.__context__ from None
        if isinstance(error, httptools.HttpParserCallbackError) and not isinstance(error.__context__, _Over):
            raise error
        if not self._over:
            raise Refused(400, f"The request is not HTTP/1.1: {error}.") from error

    @property
    def held(self) -> int:
        """Return the bytes of the unfinished body that have come so far."""
        return len(self._body)

    def drop(self) -> None:
        """Discard the request that has begun, and ignore what comes after it."""
        self._reset()
        self._over = True

    # --- httptools calls these ------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        if self._over:
            raise _Over
        self._reset()
        self.begun = True
        self._number += 1

    def on_url(self, url: bytes) -> None:
        self._url += url
        self._count(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value) + len(b": \r\n"))
        if self._environ or b"_" in name:
            return  # a trailer; or a name that would be mistaken for the one with a hyphen
        key = name.decode("latin-1").upper().replace("-", "_")
        key = key if key in _BARE else f"HTTP_{key}"
        text = value.decode("latin-1")
        if key in self._headers:
            if key in _ONCE:
                raise Refused(400, f"{name.decode('latin-1')} is there twice.")
            text = f"{self._headers[key]}{'; ' if key == 'HTTP_COOKIE' else ','}{text}"
        self._headers[key] = text
        if len(self._headers) > self._limits.lines:
            raise Refused(431, f"There are at most {self._limits.lines} headers.")

    def on_headers_complete(self) -> None:
        version, method = self._parser.get_http_version(), self._parser.get_method().decode("latin-1")
        self._check(version)
        path, _, query = _target(self._url, method).partition(b"?")
        # PEP 3333: bytes, told as latin-1.
        where = {"PATH_INFO": unquote_to_bytes(path).decode("latin-1"), "QUERY_STRING": query.decode("latin-1")}
        how = {"REQUEST_METHOD": method, "SERVER_PROTOCOL": f"HTTP/{version}"}
        self._environ = {**self._base, **how, **where, **self._headers}
        self._most = min(self._limits.body, self._largest_body(where["PATH_INFO"]))
        if int(self._headers.get("CONTENT_LENGTH", 0)) > self._most:
            raise self._too_large()
        expects = self._headers.get("HTTP_EXPECT", "").lower() == "100-continue"
        self._head(self._environ, expects and version == "1.1")  # an old client would take it for the answer

    def on_body(self, part: bytes) -> None:
        self._body += part
        if len(self._body) > self._most:
            raise self._too_large()

    def on_message_complete(self) -> None:
        environ, body = self._environ, bytes(self._body)
        if environ.pop("HTTP_TRANSFER_ENCODING", None) or body:
            environ["CONTENT_LENGTH"] = str(len(body))
        environ["wsgi.input"] = io.BytesIO(body)
        keep = self._parser.should_keep_alive() and not self._parser.should_upgrade()
        request = Request(environ, keep and environ["SERVER_PROTOCOL"] == "HTTP/1.1", len(body))
        self._over = not request.keep
        self._reset()
        self._whole(request)

    # --------------------------------------------------------------------------------------------------

    def _reset(self) -> None:
        self.begun = False
        self._url = b""
        self._seen = self._fed = 0
        self._most = 0
        self._headers: dict[str, str] = {}
        self._environ = {}
        self._body = bytearray()

    def _count(self, size: int) -> None:
        self._seen += size
        if self._seen > self._limits.head:
            raise Refused(431, f"Request line and headers have at most {self._limits.head} bytes.")

    def _weigh(self) -> None:
        """Refuse a request of too many bytes that are no body: endless headers, chunk extensions or trailers."""
        if self._fed > 2 * self._limits.head + 6 * len(self._body):  # a chunk of one byte takes six
            raise Refused(431, f"Headers have at most {self._limits.head} bytes.")

    def _check(self, version: str) -> None:
        if version not in ("1.0", "1.1"):
            raise Refused(400, "The request is not HTTP/1.1.")
        coding = self._headers.get("HTTP_TRANSFER_ENCODING")
        if coding is not None and (coding.strip().lower() != "chunked" or version == "1.0"):
            raise Refused(400, "Transfer-Encoding can only be chunked.")
        if coding is not None and "CONTENT_LENGTH" in self._headers:
            raise Refused(400, "Content-Length and Transfer-Encoding contradict each other.")
        host = self._headers.get("HTTP_HOST", "" if version == "1.0" else None)
        if host is None or not _HOST.fullmatch(host):
            raise Refused(400, "Host is missing, or is none.")

    def _too_large(self) -> Refused:
        return Refused(413, f"At most {self._most} bytes.")


def _target(url: bytes, method: str) -> bytes:
    """Return path and query of a request target (RFC 9112 3.2); the host of a whole URL is ignored. Raises Refused."""
    found = _ABSOLUTE.match(url)
    path = url[found.end() :] if found else url
    if found and not path.startswith(b"/"):
        path = b"/" + path
    if not path.startswith(b"/") and not (path == b"*" and method == "OPTIONS"):
        raise Refused(400, "The request's target is not a path.")
    return path.partition(b"#")[0]


def environ_of(host: str, port: int, scheme: str = "http", *, processes: bool = False) -> Environ:
    """Return the part of the environ that all requests of this server share (PEP 3333)."""
    return {
        "SCRIPT_NAME": "",
        "SERVER_NAME": host,
        "SERVER_PORT": str(port),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scheme,
        "wsgi.errors": sys.stderr,
        "wsgi.input_terminated": True,
        "wsgi.multithread": True,
        "wsgi.multiprocess": processes,
        "wsgi.run_once": False,
    }
