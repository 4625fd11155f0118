"""The Redis that processes share. Its time-outs are short, and while it is away each process does without it."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache
from typing import TypeVar

import structlog
from redis import Redis, RedisError

log = structlog.get_logger(__name__)

T = TypeVar("T")

PATIENCE = 0.5  # seconds for an answer
AWAY_SECONDS = 2.0  # until a Redis that did not answer is asked again


class SharedRedis:
    """One Redis client for each process: when one request finds it away, all requests of the process know."""

    def __init__(self, url: str) -> None:
        self.client = Redis.from_url(url, socket_connect_timeout=PATIENCE, socket_timeout=PATIENCE)
        self._away, self._ask_again_at = False, 0.0

    def ask(self, there: Callable[[], T], here: Callable[[], T]) -> T:
        """Call `there`, which uses Redis, or `here` while Redis is away.

        After AWAY_SECONDS one request at a time tries `there` again.
        """
        if time.monotonic() < self._ask_again_at:
            return here()
        if self._away:
            self._ask_again_at = time.monotonic() + AWAY_SECONDS
        try:
            answer = there()
        except RedisError as error:
            return self._without(error, here)
        self._away, self._ask_again_at = False, 0.0
        return answer

    def _without(self, error: RedisError, here: Callable[[], T]) -> T:
        if not self._away:
            log.warning("Redis is away: this process goes on by itself", error=type(error).__name__)
        self._away, self._ask_again_at = True, time.monotonic() + AWAY_SECONDS
        return here()


@cache
def shared_redis(url: str) -> SharedRedis:
    return SharedRedis(url)
