"""A burst of orders, accepted while no worker runs, then drained: Orderwave beside a bare Celery chain.

Same machine, same services, same SQL (the shop's own functions), same run. Usage:

    python -m benchmarks.burst [--orders 500]
    DATABASE_URL=postgresql+psycopg://... BROKER_URL=amqp://... REDIS_URL=redis://... python -m benchmarks.burst

Caveats: payment and mail answer at once in process for both sides (PAYMENT_PROVIDER=instant, SMTP_URL=discard:),
so that the engine is measured and not the sandbox bank; the bare chain keeps no journal, survives no crash and
undoes nothing; accepting is not part of either figure.
"""

from __future__ import annotations

import argparse
import json
import os

from benchmarks.ground import ground, machine, versions, worker

TARGET = 5.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--orders", type=int, default=500)
    parser.add_argument("--json", help="append the figures to this file")
    chosen = parser.parse_args()
    with ground() as pair:
        peer, ours, tasks = _both(chosen.orders)
    _tell(pair, chosen.orders, ours, peer, tasks)
    if chosen.json:
        _write(chosen.json, pair, ours, peer)


def _both(orders: int) -> tuple[float, float, int]:
    """Orders per second of the peer and of ours, and how many step tasks ours took."""
    from benchmarks import shopping  # only now does the environment say where to
    from benchmarks.peers import bare_chain

    shopping.stock_up()
    for number in range(orders):
        bare_chain.start(shopping.accept(number, start=False))
    with worker("benchmarks.peers.bare_chain", "-P", "prefork", "-c", "2"):
        peer = orders / shopping.drained(0, orders)
    for number in range(orders):
        shopping.accept(number, start=True)
    with worker("celery_app", "-P", "prefork", "-c", "2"):
        ours = orders / shopping.drained(orders, orders)
        return peer, ours, shopping.step_tasks_run()


def _tell(pair: str, orders: int, ours: float, peer: float, tasks: int) -> None:
    print(f"{orders} orders on the {pair} pair, {machine()}")
    print(f"  bare Celery chain {peer:8.0f} orders/s   {orders * 4} step tasks")
    print(f"  Orderwave         {ours:8.0f} orders/s   {tasks} step tasks")
    print(f"  ratio             {ours / peer:8.1f}   (target {TARGET})")


def _write(path: str, pair: str, ours: float, peer: float) -> None:
    row = {
        "measure": f"burst drain, {pair}",
        "ours": round(ours, 1),
        "peer": "bare Celery chain, prefork 2",
        "peer_value": round(peer, 1),
        "ratio": round(ours / peer, 2),
        "target": TARGET,
        "machine": machine(),
        "versions": versions(),
    }
    with open(path, "a") as file:
        file.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    os.environ.setdefault("ORDERWAVE_ENV", "development")
    main()
