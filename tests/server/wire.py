"""Clients that are less polite than a library would be."""

from __future__ import annotations

import json
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

from deploy.child_process import ROOT
from tests.sandboxes import free_port, wait_until


@dataclass(frozen=True)
class Said:
    status: int
    head: str
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Wire:
    """One connection, byte by byte. `Wire.close_all()` when a test is over."""

    made: ClassVar[list[Wire]] = []

    def __init__(self, port: int, seconds: float = 10.0) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=seconds)
        self._rest = b""
        self.made.append(self)

    def send(self, *parts: bytes) -> Wire:
        self.socket.sendall(b"".join(parts))
        return self

    def end(self) -> Wire:
        """Nothing more comes, but we listen."""
        self.socket.shutdown(socket.SHUT_WR)
        return self

    def answer(self) -> Said:
        while b"\r\n\r\n" not in self._rest:
            self._more()
        head, _, self._rest = self._rest.partition(b"\r\n\r\n")
        text = head.decode("latin-1")
        size = int(text.lower().partition("content-length:")[2].split("\r\n", 1)[0])
        while len(self._rest) < size:
            self._more()
        body, self._rest = self._rest[:size], self._rest[size:]
        return Said(int(text.split(" ", 2)[1]), text, body)

    def is_over(self, seconds: float = 10.0) -> bool:
        """Whether the other side closes within that time, whatever it says before."""
        self.socket.settimeout(seconds)
        try:
            while self.socket.recv(65536):
                pass
            return True
        except ConnectionError:
            return True
        except TimeoutError:
            return False

    def is_asked_for_more(self) -> bool:
        """Whether the next that it is told is to go on."""
        go_on = b"HTTP/1.1 100 Continue\r\n\r\n"
        while len(self._rest) < len(go_on):
            self._more()
        asked, self._rest = self._rest[: len(go_on)] == go_on, self._rest[len(go_on) :]
        return asked

    def all(self) -> bytes:
        """All that comes until the other side closes."""
        try:
            while more := self.socket.recv(65536):
                self._rest += more
        except ConnectionError:
            pass
        return self._rest

    def status_or_none(self) -> int | None:
        """None if the other side closes without a word."""
        try:
            return self.answer().status
        except (AssertionError, ConnectionError):
            return None

    def close(self) -> None:
        self.socket.close()

    def reset(self) -> None:
        """Once all is sent: gone, and not only silent."""
        time.sleep(0.02)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    @classmethod
    def close_all(cls) -> None:
        while cls.made:
            cls.made.pop().close()

    def _more(self) -> None:
        more = self.socket.recv(65536)
        assert more, f"closed after {self._rest!r}"
        self._rest += more


def head(method: str, path: str, **headers: object) -> bytes:
    """Header names with _ for -."""
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in {"Host": "shop", **headers}.items())
    return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode("latin-1")


def ask(port: int, path: str, seconds: float = 10.0) -> Said:
    wire = Wire(port, seconds)
    try:
        return wire.send(head("GET", path)).answer()
    finally:
        wire.close()


@contextmanager
def echoing(**limits: object) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """The port of a server with these limits, and its process."""
    port = free_port()
    command = [sys.executable, "-m", "tests.server.echo", str(port), json.dumps(limits)]
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        wait_until(lambda: _answers(port, process), seconds=30, what="the server to answer")
        yield port, process
    finally:
        process.kill()
        process.wait()


def _answers(port: int, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None
    try:
        return ask(port, "/seen").status == 200
    except OSError:
        return False
