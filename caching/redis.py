"""Cache in Redis, as JSON, for all processes: one round trip finds an answer and its topics' marks."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from typing import Any

from caching.entry import Found, Kept, Marks
from caching.redis_client import SharedRedis

SHAPE = "1"  # version of an entry's JSON; part of the key


class InRedis:
    """A cache in Redis. While Redis is away nothing is found and nothing kept."""

    def __init__(self, redis: SharedRedis, prefix: str, seconds: float) -> None:
        self._redis, self._prefix = redis, f"{prefix}catalogue.{SHAPE}."
        self._milliseconds = max(1, round(seconds * 1000))

    def look(self, key: str, topics: Sequence[str]) -> Found:
        return self._redis.ask(lambda: self._look(key, topics), lambda: Found(None))

    def keep(self, key: str, marks: Marks, kept: Kept) -> None:
        told = json.dumps([marks, *kept], ensure_ascii=False)
        name = self._prefix + key
        self._redis.ask(lambda: self._redis.client.set(name, told, px=self._milliseconds), lambda: None)

    def forget(self, topics: Sequence[str]) -> None:
        """Give the topics new marks.

        A mark outlives all entries kept before it; no mark means no change for longer than that.
        """
        self._redis.ask(lambda: self._forget(topics), lambda: None)

    def _look(self, key: str, topics: Sequence[str]) -> Found:
        names = [self._prefix + key, *map(self._mark, topics)]
        said: list[Any] = self._redis.client.mget(names)
        told, *found = said
        marks = [mark.decode() if mark else "" for mark in found]
        return Found(marks, _kept(told, marks))

    def _forget(self, topics: Sequence[str]) -> None:
        with self._redis.client.pipeline(transaction=False) as together:
            for topic in topics:
                together.set(self._mark(topic), secrets.token_hex(8), px=60_000 + 10 * self._milliseconds)
            together.execute()

    def _mark(self, topic: str) -> str:
        return f"{self._prefix}mark.{topic}"


def _kept(told: Any, marks: Marks) -> Kept | None:
    if told is None:
        return None
    bore, *kept = json.loads(told)
    return Kept(*kept) if bore == marks else None
