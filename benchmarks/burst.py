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
import subprocess
import sys

from benchmarks.ground import ground, machine, versions

TARGET = 5.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--orders", type=int, default=500)
    parser.add_argument("--json", help="append the figures to this file")
    chosen = parser.parse_args()
    with ground() as pair:
        figures = _both(chosen.orders)
    _tell(pair, chosen.orders, **figures)
    if chosen.json:
        _write(chosen.json, pair, figures["ours"], figures["peer"])


def _both(orders: int) -> dict[str, float]:
    """Measured in a process of its own, which reads its settings when the ground is laid."""
    command = [sys.executable, "-m", "benchmarks.measuring.burst", str(orders)]
    figures: dict[str, float] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return figures


def _tell(pair: str, orders: int, peer: float, ours: float, tasks: float) -> None:
    print(f"{orders} orders on the {pair} pair, {machine()}")
    print(f"  bare Celery chain {peer:8.0f} orders/s   {orders * 4} step tasks")
    print(f"  Orderwave         {ours:8.0f} orders/s   {tasks:.0f} step tasks")
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
    main()
