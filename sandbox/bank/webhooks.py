"""The bank's events: written in the transaction of their effect, delivered until the shop answers 2xx."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
import secrets
import sqlite3
import time
from typing import Any

from tornado.httpclient import AsyncHTTPClient, HTTPClientError

from sandbox.store import Store

log = logging.getLogger("bank.webhooks")

LONGEST_PAUSE = 3600.0
LONGEST_REST = 5.0
GIVE_UP_AFTER = 86_400.0
BATCH = 20


def write(db: sqlite3.Connection, kind: str, data: dict[str, Any]) -> None:
    """Put an event in the outbox; call it in the transaction of its effect."""
    event_id, created = "evt_" + secrets.token_hex(12), time.time()
    event = {"id": event_id, "type": kind, "created": int(created), "data": data}
    db.execute(
        "insert into outbox (id, body, created, due) values (?, ?, ?, ?)",
        (event_id, json.dumps(event, separators=(",", ":")), created, created),
    )


def signature(secret: str, body: str, at: int) -> str:
    """Return the Bank-Signature header of a body; `at` is in seconds since 1970."""
    digest = hmac.new(secret.encode(), f"{at}.{body}".encode(), hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


class Postman:
    """Delivers due events, signed anew each time; the pause of each doubles after a failure, and after a day it gives
    up."""

    def __init__(self, store: Store, url: str, secret: str, backoff: float) -> None:
        self._store, self._url, self._secret, self._backoff = store, url, secret, backoff
        self._client = AsyncHTTPClient(force_instance=True, max_clients=BATCH)
        self._news = asyncio.Event()

    def wake(self) -> None:
        self._news.set()

    async def run(self) -> None:
        while True:
            self._news.clear()
            try:
                await self._round()
            except sqlite3.Error:  # a full disk may have space again; what was not noted is delivered twice
                log.exception("the outbox could not be read or written")
                await asyncio.sleep(1)

    async def _round(self) -> None:
        if due := self._due():
            await asyncio.gather(*(self._deliver(row) for row in due))
        else:
            await self._rest()

    async def _rest(self) -> None:
        try:
            await asyncio.wait_for(self._news.wait(), self._pause())
        except TimeoutError:
            return  # the next one is due

    def _due(self) -> list[sqlite3.Row]:
        query = "select * from outbox where due <= ? order by due limit ?"
        return self._store.read(lambda db: db.execute(query, (time.time(), BATCH)).fetchall())

    def _pause(self) -> float:
        earliest = self._store.read(lambda db: db.execute("select min(due) from outbox where due > 0").fetchone()[0])
        return min(LONGEST_REST, max(0.01, earliest - time.time())) if earliest else LONGEST_REST

    async def _deliver(self, row: sqlite3.Row) -> None:
        problem = await self._post(row["body"])
        if problem is None:
            change = "update outbox set due = null, attempts = attempts + 1, delivered = ? where id = ?"
            await self._store.write(lambda db: db.execute(change, (time.time(), row["id"])))
        else:
            await self._postpone(row, problem)

    async def _post(self, body: str) -> str | None:
        """Send an event; return None when it was accepted, else why not."""
        headers = {
            "Content-Type": "application/json",
            "Bank-Signature": signature(self._secret, body, int(time.time())),
        }
        try:
            await self._client.fetch(
                self._url, method="POST", body=body, headers=headers, follow_redirects=False, request_timeout=10
            )
        except (HTTPClientError, OSError) as error:
            return str(error)[:200]
        return None

    async def _postpone(self, row: sqlite3.Row, problem: str) -> None:
        pause = min(LONGEST_PAUSE, self._backoff * 2 ** min(row["attempts"], 30))
        due: float | None = time.time() + pause
        if time.time() - row["created"] > GIVE_UP_AFTER:
            due = None
            log.error("event %s was not delivered within a day: %s", row["id"], problem)
        change = "update outbox set due = ?, attempts = attempts + 1, last_error = ? where id = ?"
        await self._store.write(lambda db: db.execute(change, (due, problem, row["id"])))
