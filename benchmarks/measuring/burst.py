"""The measuring half of `benchmarks/burst.py`: accept, then drain, the peer first. Prints its figures as JSON."""

from __future__ import annotations

import json
import sys

from benchmarks import shopping
from benchmarks.ground import worker
from benchmarks.peers import bare_chain


def measure(orders: int) -> dict[str, float]:
    """Orders per second of the peer and of ours, and how many step tasks ours took."""
    shopping.stock_up()
    for number in range(orders):
        bare_chain.start(shopping.accept(number, start=False))
    with worker("benchmarks.peers.bare_chain", "-P", "prefork", "-c", "2"):
        peer = orders / shopping.drained(0, orders)
    for number in range(orders):
        shopping.accept(number, start=True)
    with worker("celery_app", "-P", "prefork", "-c", "2"):
        ours = orders / shopping.drained(orders, orders)
        return {"peer": peer, "ours": ours, "tasks": shopping.step_tasks_run()}


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]))))
