"""Tabs of browsers: connections that are open before the race begins, and a shot that starts them all at once."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, HTTPResponse, RemoteDisconnected
from typing import Any, TypeVar
from urllib.parse import urlsplit

from tests.stack import Client
from tests.world import Answer

SECONDS = 60.0
T = TypeVar("T")


class Tab(Client):
    """One of a client's open connections, to one of the doors."""

    def __init__(self, client: Client, door: str) -> None:
        super().__init__(door, client.email)
        self.client, self.tokens = client, client.tokens
        where = urlsplit(door)
        self._line = HTTPConnection(where.hostname or "", where.port, timeout=SECONDS)
        self._line.connect()

    def send(self, method: str, path: str, body: dict[str, Any] | None, headers: dict[str, str]) -> Answer:
        data = None if body is None else json.dumps(body)
        wanted = (method, path, data, {"Content-Type": "application/json", **headers})
        with self._asked(*wanted) as response:
            headers = {name.title(): value for name, value in response.headers.items()}
            return Answer(response.status, json.loads(response.read()), headers)

    def _asked(self, *wanted: Any) -> HTTPResponse:
        """Over a line of its own again if the server has closed this one, which was silent for longer than it waits."""
        try:
            self._line.request(*wanted)
            return self._line.getresponse()
        except (RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            self._line.close()
            self._line.request(*wanted)
            return self._line.getresponse()

    def close(self) -> None:
        self._line.close()


def at_once(shots: Sequence[Callable[[], T]]) -> list[T]:
    """What each came back with; none begins before all are ready."""
    barrier = threading.Barrier(len(shots))

    def shoot(shot: Callable[[], T]) -> T:
        barrier.wait(SECONDS)
        return shot()

    with ThreadPoolExecutor(len(shots)) as hands:
        return list(hands.map(shoot, shots))
