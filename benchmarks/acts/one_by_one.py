"""one_by_one CONTENDER ORDERS PAUSE: accept each order when the one before is finished, PAUSE seconds later.

Prints the milliseconds of each, from the commit of the order to the record of its last step. Both are times of this
machine's clock.
"""

from __future__ import annotations

import json
import sys
import time
from importlib import import_module
from types import ModuleType

from sqlalchemy import text

import db
from benchmarks.shopping import accept, sku
from benchmarks.times import seconds

WARM_UP = 10
LOOK = 0.002
_THROUGH = text(
    f"SELECT {seconds('updated_at')} FROM notifications"
    " WHERE event = 'order_confirmed' AND subject_id = :order AND state = 'sent'"
)


def main(contender: ModuleType, orders: int, pause: float) -> list[float]:
    return [_one(contender, number, pause) for number in range(orders + WARM_UP)][WARM_UP:]


def _one(contender: ModuleType, number: int, pause: float) -> float:
    time.sleep(pause)
    order = accept(contender, sku(number))
    begun = time.time()
    contender.hand_over(order)
    return 1000 * (_wait_until_through(order) - begun)


def _wait_until_through(order: str) -> float:
    deadline = time.monotonic() + 60
    while (ended := _look(order)) is None:
        if time.monotonic() > deadline:
            raise TimeoutError(f"order {order} is not through after a minute")
        time.sleep(LOOK)
    return ended


def _look(order: str) -> float | None:
    with db.reading() as session:
        through: float | None = session.scalar(_THROUGH, {"order": order})
    return through


if __name__ == "__main__":
    name, number, pause = sys.argv[1:]
    print(json.dumps(main(import_module(name), int(number), float(pause))))
