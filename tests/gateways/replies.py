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
            line.recv(65536)
            line.sendall(reply)
