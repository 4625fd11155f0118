"""Redis: an empty numbered database of the running one, or a private server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

import redis

from tests.services import GIVEN, NAME
from tests.services.store import Server

CLAIM = "orderwave-tests-own-this-database"


@dataclass(frozen=True)
class Store:
    """A Redis database that only this session uses."""

    url: str


@contextmanager
def store() -> Iterator[Store]:
    """Yield an empty database, and empty it again at the end. Raises Missing without Redis."""
    url = _claim_running()
    with _kept(url) if url else _private() as mine:
        yield mine


@contextmanager
def _kept(url: str) -> Iterator[Store]:
    try:
        yield Store(url)
    finally:
        with redis.Redis.from_url(url) as client:
            client.flushdb()


def _claim_running() -> str | None:
    server = GIVEN["REDIS_URL"] or "redis://127.0.0.1:6379"
    for number in range(15, 0, -1):
        url = urlunsplit(urlsplit(server)._replace(path=f"/{number}"))
        try:
            if _claim(url):
                return url
        except redis.ResponseError:
            continue  # fewer databases than that
        except redis.ConnectionError:
            return None
    return None


def _claim(url: str) -> bool:
    """Claim the database if it is empty; of two sessions at the same moment only one sets the key."""
    with redis.Redis.from_url(url, socket_connect_timeout=2) as client:
        return client.dbsize() == 0 and bool(client.set(CLAIM, NAME, nx=True))


@contextmanager
def _private() -> Iterator[Store]:
    server = Server()
    try:
        server.start()
        yield Store(server.url)
    finally:
        server.remove()
