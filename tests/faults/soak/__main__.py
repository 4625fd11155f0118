"""python -m tests.faults.soak [--minutes 10] [--pair services] [--seed 7]: faults under load, then the judge."""

from __future__ import annotations

import argparse
import random
import sys
from pathlib import Path

from tests.faults.copies import on_pairs
from tests.faults.soak.run import CUSTOMERS, hold
from tests.services.session import Services
from tests.stack.fixtures import PAIRS


def main(arguments: list[str]) -> int:
    """Run the soak. Returns 0 when the judge found no fault on any pair, 1 otherwise."""
    chosen = _parser().parse_args(arguments)

    def drill(pair: str, services: Services, folder: Path) -> int:
        seconds, count = 60 * chosen.minutes, chosen.customers
        return len(hold(pair, services, folder, seed=chosen.seed, seconds=seconds, customers=count).faults)

    return min(1, on_pairs(chosen.pair, drill))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m tests.faults.soak", description=__doc__)
    parser.add_argument("--pair", choices=PAIRS, help="which pair only; else both")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--customers", type=int, default=CUSTOMERS, help="at once; fewer for a busy machine")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
