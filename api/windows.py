"""A fixed window that costs one round trip: the hit brings back what the headers want to tell of it."""

from __future__ import annotations

import time
from typing import Any

from flask import g
from limits import RateLimitItem
from limits.storage import RedisStorage
from limits.strategies import STRATEGIES, FixedWindowRateLimiter
from limits.util import WindowStats

NAME = "fixed-window-in-one-trip"
HIT = """
local count = redis.call("incrby", KEYS[1], ARGV[2])
if count == tonumber(ARGV[2]) then redis.call("expire", KEYS[1], ARGV[1]) end
return {count, redis.call("ttl", KEYS[1])}
"""


class OneTrip(FixedWindowRateLimiter):
    """Counts like its parent, which asks Redis for the count and for the end of the window again."""

    def __init__(self, storage: Any) -> None:
        super().__init__(storage)
        self._hit = storage.get_connection().register_script(HIT) if isinstance(storage, RedisStorage) else None

    def hit(self, item: RateLimitItem, *identifiers: str, cost: int = 1) -> bool:
        if self._hit is None:
            return super().hit(item, *identifiers, cost=cost)
        key = item.key_for(*identifiers)
        count, seconds = self._hit([self.storage.prefixed_key(key)], [item.get_expiry(), cost])
        _seen()[key] = WindowStats(time.time() + max(seconds, 0), max(0, item.amount - count))
        return bool(count <= item.amount)

    def get_window_stats(self, item: RateLimitItem, *identifiers: str) -> WindowStats:
        return _seen().get(item.key_for(*identifiers)) or super().get_window_stats(item, *identifiers)


STRATEGIES[NAME] = OneTrip


def _seen() -> dict[str, WindowStats]:
    """What the hits of this request have found."""
    seen: dict[str, WindowStats] = g.setdefault("windows", {})
    return seen
