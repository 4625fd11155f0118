"""Redis: an empty numbered database of the running one, or a private server."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

import redis

from tests.services import GIVEN, NAME, programs
from tests.world import free_port, wait_until

CLAIM = "orderwave-tests-own-this-database"


@dataclass(frozen=True)
class Store:
    """A database that nobody else uses while the session lasts."""

    url: str


@contextmanager
def store() -> Iterator[Store]:
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
    """Ours if it was empty; of two sessions that look at once, one sets the key first."""
    with redis.Redis.from_url(url, socket_connect_timeout=2) as client:
        return client.dbsize() == 0 and bool(client.set(CLAIM, NAME, nx=True))


@contextmanager
def _private() -> Iterator[Store]:
    port, home = free_port(), programs.folder()
    command = [programs.find("redis-server"), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", home]
    with (home / "log").open("wb") as log:
        running = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        wait_until(lambda: _answers(port), what="the private Redis")
        yield Store(f"redis://127.0.0.1:{port}/0")
    finally:
        running.kill()
        running.wait()
        shutil.rmtree(home)


def _answers(port: int) -> bool:
    try:
        with redis.Redis(port=port) as client:
            return bool(client.ping())
    except redis.ConnectionError:
        return False
