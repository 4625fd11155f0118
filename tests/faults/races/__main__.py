"""python -m tests.faults.races [--pair services] [--times 20] [--seed 7]: every race, once or many times running."""

from __future__ import annotations

import argparse
import random
import sys
from pathlib import Path

from tests.faults.copies import copy, on_pairs
from tests.faults.races.rounds import round_of
from tests.faults.races.two_doors import Ground
from tests.services.session import Services
from tests.stack import Stack
from tests.stack.fixtures import PAIRS


def main(arguments: list[str]) -> int:
    """Returns 0 when every race of every round was exact, 1 otherwise."""
    chosen = _parser().parse_args(arguments)

    def drill(pair: str, services: Services, folder: Path) -> int:
        with copy(pair, services, folder, ACCESS_TOKEN_MINUTES="600") as stack:
            return _rounds(stack, chosen.seed, chosen.times)

    wrong = on_pairs(chosen.pair, drill)
    print(f"{wrong} were not exact" if wrong else "all exact")
    return min(wrong, 1)


def _rounds(stack: Stack, first: int, times: int) -> int:
    ground = Ground(stack)
    return sum(_round(ground, seed) for seed in range(first, first + times))


def _round(ground: Ground, seed: int) -> int:
    """Run one round, print its reports, and return how many were not exact. The seed repeats this round alone."""
    print(f"\n{ground.stack.pair}, seed {seed}", flush=True)
    wrong = 0
    for report in round_of(ground, seed):
        print(report, *report.wrong[:20], sep="\n    ", flush=True)
        wrong += bool(report.wrong)
    return wrong


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m tests.faults.races", description=__doc__)
    parser.add_argument("--pair", choices=PAIRS, help="which pair only; else both")
    parser.add_argument("--times", type=int, default=1, help="rounds, each with the next seed")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="of the first round")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
