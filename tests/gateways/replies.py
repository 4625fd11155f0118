"""A provider that misbehaves to order: one canned reply to each connection."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager


def http(status: str, body: str = "{}", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


@contextmanager
def replying(*replies: bytes) -> Iterator[str]:
    """An address that reads a request, sends the next of `replies` and hangs up. An empty reply is a hang-up."""
    door = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=_answer, args=(door, replies))
    thread.start()
    try:
        yield f"http://127.0.0.1:{door.getsockname()[1]}"
    finally:
        door.close()
        thread.join(timeout=10)


def _answer(door: socket.socket, replies: tuple[bytes, ...]) -> None:
    for reply in replies:
        line, _ = door.accept()
        with line:
            _read_all(line)
            line.sendall(reply)


def _read_all(line: socket.socket) -> None:
    """The whole request: closing with some of it unread would reset the connection before the reply is read."""
    with line.makefile("rb") as request:
        length = 0
        while (header := request.readline().strip().lower()) != b"":
            if header.startswith(b"content-length:"):
                length = int(header.split(b":")[1])
        request.read(length)
