"""Carry out each money request once, by its idempotency key."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

from sandbox.bank import requests
from sandbox.bank.requests import Answer
from sandbox.store import Store
from sandbox.web import Refusal

Effect = Callable[[sqlite3.Connection], dict[str, Any]]
Obstacle = Callable[[], Any]


class Teller:
    """Carries out one request per key. Requests in flight are kept in memory: they die with the process, and so does
    their effect."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._in_flight: dict[str, str] = {}

    async def carry_out(self, key: str, path: str, body: dict[str, Any], obstacle: Obstacle, effect: Effect) -> Answer:
        """Await `obstacle`, run `effect` and store its answer; for a known key return the stored answer.

        Raises Refusal 422 if the key belongs to another request, 409 while its first request is in flight, and what
        `obstacle` raises, after which the key may be used again.
        """
        mark = requests.fingerprint(path, body)
        if stored := self._known(key, mark):
            return stored
        self._in_flight[key] = mark
        try:
            await obstacle()
            return await self._store.write(lambda db: _record(db, key, path, mark, effect))
        finally:
            del self._in_flight[key]

    def look_up(self, key: str) -> tuple[str, Answer | None]:
        """Return the state of a key: `in_flight`, `done` with its answer, or `unknown`."""
        if key in self._in_flight:
            return "in_flight", None
        stored = self._store.read(lambda db: requests.recall(db, key))
        return ("done" if stored else "unknown"), stored

    def _known(self, key: str, mark: str) -> Answer | None:
        stored = self._store.read(lambda db: requests.recall(db, key))
        seen = self._in_flight.get(key) or (stored.fingerprint if stored else mark)
        if seen != mark:
            raise Refusal(422, "idempotency_key_reused", "This key belongs to another request.")
        if key in self._in_flight:
            raise Refusal(409, "idempotency_in_flight", "The first request with this key is still being carried out.")
        return stored


def _record(db: sqlite3.Connection, key: str, path: str, mark: str, effect: Effect) -> Answer:
    """Run the effect and store its answer in one transaction; a Refusal is stored like any other answer."""
    try:
        status, body = 201, effect(db)
    except Refusal as no:
        status, body = no.status_code, no.body()
    return requests.remember(db, key, path, mark, status, body)
