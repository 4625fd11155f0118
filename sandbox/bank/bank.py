"""The parts of one running bank, as its handlers see them."""

from __future__ import annotations

import asyncio
import sqlite3
from dataclasses import dataclass
from typing import Any

from sandbox.bank import shapes, tokens, webhooks
from sandbox.bank.faults import FaultSettings
from sandbox.bank.idempotent import Teller
from sandbox.bank.options import Options
from sandbox.bank.webhooks import Postman
from sandbox.store import Store
from sandbox.web import Refusal


@dataclass(frozen=True)
class Bank:
    options: Options
    store: Store
    teller: Teller
    weather: FaultSettings
    postman: Postman

    def shape(self, row: dict[str, Any]) -> dict[str, Any]:
        return shapes.charge(row, self.options.public_url)

    def tell(self, db: sqlite3.Connection, kind: str, row: dict[str, Any], *, always: bool = False) -> None:
        """Write an event for this change, in its transaction, if webhooks are set to `all`.

        always: write it in any case, because the shop gets no answer to this change.
        """
        if always or self.weather.webhooks == "all":
            webhooks.write(db, kind, {"charge": self.shape(row)})
            self.postman.wake()

    async def obstacle(self, key: str, source: str = "", *, charge: bool = False) -> None:
        """Apply the faults of one money request: raise Refusal (503), or wait for the delay.

        charge: the request is a new charge, which takes `latency_ms` longer.
        """
        if self.weather.fails(source, key):
            raise Refusal(503, "temporarily_unavailable", "Try again in a moment.")
        delay = self.weather.latency_ms / 1000 if charge else 0
        delay += self.options.slow_seconds if source == tokens.SLOW else 0
        if delay:
            await asyncio.sleep(delay)


def open_bank(options: Options, store: Store) -> Bank:
    return Bank(
        options=options,
        store=store,
        teller=Teller(store),
        weather=FaultSettings(latency_ms=options.latency_ms, webhooks=options.webhooks),
        postman=Postman(store, options.webhook_url, options.webhook_secret, options.webhook_backoff),
    )
