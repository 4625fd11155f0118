"""A fixed-window rate limit that costs one round trip: the hit also returns what the RateLimit headers need.

While Redis is away the hits are counted in this process. Flask-Limiter's own fallback fails the requests that are
waiting for Redis at the moment in which another request finds it away, so the fallback is done here.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

from flask import g
from limits import RateLimitItem
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import STRATEGIES, FixedWindowRateLimiter
from limits.util import WindowStats

from caching.redis_client import shared_redis
from config import settings

T = TypeVar("T")

NAME = "fixed-window-in-one-trip"
SLACK = 1.0  # seconds by which the clock may seem to go back without having been set
HIT = """
local count = redis.call("incrby", KEYS[1], ARGV[2])
if count == tonumber(ARGV[2]) then redis.call("expire", KEYS[1], ARGV[1]) end
return {count, redis.call("ttl", KEYS[1])}
"""


class Here(FixedWindowRateLimiter):
    """Counts in this process.

    A window that ends later than a new one would was begun before the clock was set back: it is cleared.
    """

    def hit(self, item: RateLimitItem, *identifiers: str, cost: int = 1) -> bool:
        self._end_what_is_ahead(item, *identifiers)
        return super().hit(item, *identifiers, cost=cost)

    def test(self, item: RateLimitItem, *identifiers: str, cost: int = 1) -> bool:
        self._end_what_is_ahead(item, *identifiers)
        return super().test(item, *identifiers, cost=cost)

    def _end_what_is_ahead(self, item: RateLimitItem, *identifiers: str) -> None:
        key = item.key_for(*identifiers)
        if self.storage.get_expiry(key) > time.time() + item.get_expiry() + SLACK:
            self.storage.clear(key)


class OneTrip(FixedWindowRateLimiter):
    """Counts in Redis in one round trip; its parent asks again for the count and for the end of the window."""

    def __init__(self, storage: Any) -> None:
        super().__init__(storage)
        url = settings().redis_url
        self._redis = shared_redis(url) if url and isinstance(storage, RedisStorage) else None
        self._script = self._redis.client.register_script(HIT) if self._redis else None
        self._here = Here(storage if isinstance(storage, MemoryStorage) else MemoryStorage())

    def hit(self, item: RateLimitItem, *identifiers: str, cost: int = 1) -> bool:
        return self._ask(self._hit, self._here.hit, item, *identifiers, cost=cost)

    def test(self, item: RateLimitItem, *identifiers: str, cost: int = 1) -> bool:
        return self._ask(super().test, self._here.test, item, *identifiers, cost=cost)

    def get_window_stats(self, item: RateLimitItem, *identifiers: str) -> WindowStats:
        found = _seen().get(item.key_for(*identifiers))
        return found or self._ask(super().get_window_stats, self._here.get_window_stats, item, *identifiers)

    def _hit(self, item: RateLimitItem, *identifiers: str, cost: int) -> bool:
        assert self._script
        key = item.key_for(*identifiers)
        assert isinstance(self.storage, RedisStorage)
        count, seconds = self._script([self.storage.prefixed_key(key)], [item.get_expiry(), cost])
        _seen()[key] = WindowStats(time.time() + max(seconds, 0), max(0, item.amount - count))
        return bool(count <= item.amount)

    def _ask(self, there: Callable[..., T], here: Callable[..., T], *what: Any, **options: int) -> T:
        """Return `there(*what)`, counted in Redis for all processes; `here(*what)` while Redis is away or not set."""
        if self._redis is None:
            return here(*what, **options)
        return self._redis.ask(lambda: there(*what, **options), lambda: here(*what, **options))


STRATEGIES[NAME] = OneTrip


def _seen() -> dict[str, WindowStats]:
    """Return the window of each key that this request has hit."""
    seen: dict[str, WindowStats] = g.setdefault("windows", {})
    return seen
