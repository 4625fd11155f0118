"""One POST to an endpoint of others: no redirect is followed, little is read, and it is over soon."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit, urlunsplit

from engine.outcomes import TryAgain, Unknown
from gateways.webhooks.dialling import dial

SILENCE = 10.0  # seconds without a byte
LONGEST = 20.0  # seconds for all of it: name, addresses, TLS, sending, and an answer that only drips
READ = 1000  # bytes of the answer that are read


@dataclass(frozen=True)
class Answered:
    """The receiver's answer, of any status: the first READ bytes of its body, and the milliseconds that it took."""

    status: int
    body: str
    ms: int


class NotPosted(TryAgain):
    """There was no answer, and the receiver may have got the request all the same; `ms` until that was known."""

    def __init__(self, why: TryAgain, ms: int) -> None:
        super().__init__(why.code, why.detail)
        self.ms = ms


def post(url: str, body: bytes, headers: Mapping[str, str], *, private_too: bool) -> Answered:
    """Post the body and return the answer, whatever its status. Raises NotPosted if there was none.

    `private_too`: also to addresses that are not public. Takes at most LONGEST seconds.
    """
    began = time.monotonic()
    try:
        status, answer = _post(url, body, headers, private_too=private_too, until=began + LONGEST)
    except TryAgain as why:
        raise NotPosted(why, _since(began)) from why
    return Answered(status, answer.decode("utf-8", "replace").replace("\0", ""), _since(began))


def _post(url: str, body: bytes, headers: Mapping[str, str], *, private_too: bool, until: float) -> tuple[int, bytes]:
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    line = dial(host, port, private_too=private_too, until=until)
    end = line.dup()  # TLS takes the line itself away
    watch = threading.Timer(max(0.0, until - time.monotonic()), _cut, [end])
    watch.daemon = True
    watch.start()
    try:
        target = urlunsplit(("", "", parts.path or "/", parts.query, ""))
        return _talk(_Line(host, port, line, tls=parts.scheme == "https"), target, body, headers)
    except (OSError, HTTPException) as error:
        raise Unknown("unanswered", f"{host} gave no answer ({type(error).__name__})") from error
    finally:
        watch.cancel()
        end.close()
        line.close()


class _Line(HTTPConnection):
    """An HTTP connection over a connected socket. The name is only for Host, SNI and the certificate."""

    def __init__(self, host: str, port: int, line: socket.socket, *, tls: bool) -> None:
        super().__init__(host, port)
        line.settimeout(SILENCE)
        self.default_port = 443 if tls else 80
        self.sock = _context().wrap_socket(line, server_hostname=host) if tls else line


@cache
def _context() -> ssl.SSLContext:
    return ssl.create_default_context()


def _talk(line: _Line, target: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
    line.request("POST", target, body, {"Accept-Encoding": "identity", **headers})
    answer = line.getresponse()
    try:
        return answer.status, answer.read(READ)
    except (OSError, HTTPException):
        return answer.status, b""  # the status is what counts
    finally:
        line.close()


def _cut(line: socket.socket) -> None:
    with line, suppress(OSError):  # the connection may be closed already
        line.shutdown(socket.SHUT_RDWR)


def _since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)
