"""One order alone, from its commit to the record of its last step."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median, quantiles

from benchmarks.contenders import SHIPPED, Contender, bare_chain, dbos
from benchmarks.report import Page, Row
from benchmarks.run import Run
from benchmarks.site import Site

TITLE = "one order alone, accept to final"
CAVEATS = (
    "One order after another, each when the one before is through, with warm workers; the first ten do not count.",
    "From the moment the order is committed to the moment its last step is written, its own commit not included.",
    "DBOS is polled every 10 ms here; its default is a second.",
)
CLOSE, APART = ("one after another", 200, 0.0), ("0.2 s apart", 100, 0.2)
CHAINS = (bare_chain("prefork", 2), bare_chain("threads", 16))


@dataclass(frozen=True)
class Taken:
    """The times of one contender, an order each."""

    name: str
    milliseconds: list[float]

    @property
    def p50(self) -> float:
        return median(self.milliseconds)

    def __str__(self) -> str:
        hundredths = quantiles(self.milliseconds, n=100, method="inclusive")
        p95, p99 = hundredths[94], hundredths[98]
        return f"{self.name:34} p50 {self.p50:6.1f} ms   p95 {p95:6.1f}   p99 {p99:6.1f}   of {len(self.milliseconds)}"


def measure(run: Run, page: Page) -> None:
    _beside_peers(run, run.main, page, *APART)
    for site in run.sites:
        _beside_peers(run, site, page, *CLOSE)


def _beside_peers(run: Run, site: Site, page: Page, how: str, orders: int, pause: float) -> None:
    page.say(f"{site.pair}, {how}")
    ours, *peers = (take(site, page, each, run.some(orders), pause) for each in _contenders(run, site))
    chain, *others = sorted(peers, key=lambda taken: (not taken.name.startswith("bare chain"), taken.p50))
    where = f"{site.pair}, {how}"
    page.row(_row(where, ours, chain, 0.83 if site is run.services else None))
    page.rows += [_row(where, ours, other, None) for other in others]


def _contenders(run: Run, site: Site) -> tuple[Contender, ...]:
    """Return the contenders of this site; DBOS only where there is PostgreSQL."""
    return (SHIPPED, *CHAINS, *([dbos(8, polling=0.01)] if site is run.services else []))


def take(site: Site, page: Page, contender: Contender, orders: int, pause: float) -> Taken:
    with site.ground() as here:
        contender.make_ready(here)
        contender.start(here)
        taken = Taken(contender.name, here.learn("benchmarks.acts.one_by_one", contender.module, orders, pause))
    page.say(taken)
    return taken


def _row(where: str, ours: Taken, peer: Taken, target: float | None) -> Row:
    return Row(f"one order alone, {where}, median ms", ours.p50, peer.name, peer.p50, target, less_is_better=True)
