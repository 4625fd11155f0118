"""accept CONTENDER ORDERS [hot]: place that many orders and begin them. Prints orders per second."""

from __future__ import annotations

import json
import sys
import time
from importlib import import_module

from benchmarks.shopping import accept_many, sku

THREADS = 8
LEAVING = 2.0  # seconds: longer than the flusher gathers, so that every message is sent before this process ends


def main(contender: str, orders: int, *, hot: bool) -> float:
    begun = time.perf_counter()
    accept_many(import_module(contender), [sku(0 if hot else number) for number in range(orders)], THREADS)
    return orders / (time.perf_counter() - begun)


if __name__ == "__main__":
    name, number, *more = sys.argv[1:]
    print(json.dumps(main(name, int(number), hot=more == ["hot"])))
    time.sleep(LEAVING)
