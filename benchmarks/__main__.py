"""python -m benchmarks [--only drain,latency] [--pairs services,embedded] [--scale 0.1] [--history 2000000]

Runs the measures. Each figure of ours is compared with a peer's, taken in the same run on the same services with the
same SQL work. Writes benchmarks/results.json, the plots in docs/plots/ and the table of docs/performance.md.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from importlib import import_module

from benchmarks import figures
from benchmarks.ground import Died
from benchmarks.plots import draw
from benchmarks.report import Page, load, machine, save, versions
from benchmarks.run import Run, run

MEASURES = (
    "drain",
    "latency",
    "slow_bank",
    "hot_sku",
    "accept",
    "rest",
    "browse",
    "embedded",
    "cores",
    "history",
    "campaign",
    "memory",
)


def main() -> int:
    chosen = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that processes and databases are cleaned up
    print(f"{machine()}; {', '.join(f'{name} {number}' for name, number in versions().items())}")
    with run(set(chosen.pairs.split(",")), chosen.scale, chosen.history) as this:
        failed = [name for name in chosen.only.split(",") if not _measured(name, this, keep=chosen.keep)]
    if failed:
        print(f"NOT MEASURED: {', '.join(failed)}")
    return 1 if failed else 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(MEASURES), help=f"some of {', '.join(MEASURES)}")
    parser.add_argument("--pairs", default="services,embedded")
    parser.add_argument("--scale", type=float, default=1.0, help="0.1: a tenth of the orders, for a quick look")
    parser.add_argument("--history", type=int, default=2_000_000, help="finished runs in the tables; 0: not measured")
    parser.add_argument("--dry", dest="keep", action="store_false", help="leave results.json and the plots as they are")
    return parser.parse_args()


def _measured(name: str, this: Run, *, keep: bool) -> bool:
    """Run one measure; print its failure and return False if a process of it died, so that the others go on."""
    module = import_module(f"benchmarks.measures.{name}")
    page = Page(module.TITLE, module.CAVEATS)
    begun = time.monotonic()
    print(f"\n== {name}: {page.title}", flush=True)
    try:
        module.measure(this, page)
    except Died as reason:
        print(f"  FAILED: {reason}", flush=True)
        return False
    page.end()
    print(f"  ({time.monotonic() - begun:.0f} s)", flush=True)
    if keep:
        save(page.rows, this.versions())
        draw(load())
        figures.write(load())
    return True


if __name__ == "__main__":
    sys.exit(main())
