"""Tabs of browsers: connections that are open before the race begins, and `at_once`, which starts all requests."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, HTTPResponse
from typing import Any, TypeVar
from urllib.parse import urlsplit

from tests.sandboxes import Answer
from tests.stack import Client

SECONDS = 60.0
SILENT = 8.0  # seconds; the server closes a connection that is idle for 10
T = TypeVar("T")


class Tab(Client):
    """One of a client's open connections, to one of the APIs."""

    def __init__(self, client: Client, door: str) -> None:
        super().__init__(door, client.email)
        self.client, self.tokens = client, client.tokens
        where = urlsplit(door)
        self._line = HTTPConnection(where.hostname or "", where.port, timeout=SECONDS)
        self._line.connect()
        self._used = time.monotonic()

    def send(self, method: str, path: str, body: dict[str, Any] | None, headers: dict[str, str]) -> Answer:
        data = None if body is None else json.dumps(body)
        wanted = (method, path, data, {"Content-Type": "application/json", **headers})
        with self._asked(*wanted) as response:
            headers = {name.title(): value for name, value in response.headers.items()}
            return Answer(response.status, json.loads(response.read()), headers)

    def _asked(self, *wanted: Any) -> HTTPResponse:
        """Send the request; reconnect first if the connection was idle for nearly as long as the server allows."""
        if time.monotonic() - self._used > SILENT:
            self._line.close()
        self._line.request(*wanted)
        self._used = time.monotonic()
        return self._line.getresponse()

    def close(self) -> None:
        self._line.close()


def at_once(shots: Sequence[Callable[[], T]]) -> list[T]:
    """Call all `shots`, each in its own thread, none before all are ready; return their results in their order."""
    barrier = threading.Barrier(len(shots))

    def shoot(shot: Callable[[], T]) -> T:
        barrier.wait(SECONDS)
        return shot()

    with ThreadPoolExecutor(len(shots)) as hands:
        return list(hands.map(shoot, shots))
