"""A watcher that reads the stock of one SKU from the database during a race."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from tests.stack import Stack

PAUSE = 0.01

# One statement sees one moment, on both databases.
LOOK = """
SELECT on_hand, reserved,
  (SELECT COALESCE(SUM(quantity), 0) FROM reservations WHERE sku = stock.sku AND state = 'held') AS held,
  (SELECT COALESCE(SUM(quantity), 0) FROM reservations WHERE sku = stock.sku AND state = 'sold') AS sold,
  (SELECT COALESCE(SUM(quantity), 0) FROM stock_movements WHERE sku = stock.sku) AS moved
FROM stock WHERE sku = :sku
"""


class Watcher:
    """`with Watcher(stack, sku, received) as watcher: ...`; then `watcher.looks`, `watcher.wrong`."""

    def __init__(self, stack: Stack, sku: str, received: int) -> None:
        self._stack, self._sku, self._received = stack, sku, received
        self._leave = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.looks, self.most_promised = 0, 0
        self.wrong: list[str] = []

    def __enter__(self) -> Watcher:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._leave.set()
        self._thread.join()
        if not self.looks:
            self.wrong.append(f"{self._sku} could not be watched")

    def _watch(self) -> None:
        while not self._leave.wait(PAUSE):
            [seen] = self._stack.shelf.rows(LOOK, sku=self._sku)
            self.looks += 1
            self.most_promised = max(self.most_promised, seen["held"] + seen["sold"])
            if not _is_sound(seen, self._received):
                self.wrong.append(f"{self._sku}, received {self._received}: {dict(seen)}")


def _is_sound(seen: Mapping[str, Any], received: int) -> bool:
    """Say whether the figures fit: none negative, and on hand and reserved as ledger and reservations have them."""
    return (
        0 <= seen["reserved"] <= seen["on_hand"]
        and seen["reserved"] == seen["held"]
        and seen["on_hand"] == seen["moved"] == received - seen["sold"]
    )
