"""One run of the benchmarks: its sites and its scale."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from benchmarks.doors import Served
from benchmarks.site import Embedded, OnServices, Site
from tests.services import Missing


@dataclass(frozen=True, eq=False)
class Run:
    services: Site | None
    """PostgreSQL, RabbitMQ and Redis; None where one of them is missing, or not wanted."""
    embedded: Site | None
    scale: float = 1.0
    history: int = 2_000_000
    """Finished runs to load for the measure `history`; 0 leaves it out."""
    accepting: dict[str, Served] = field(default_factory=dict)
    """The figures of POST /api/orders by pair, once measured."""

    @property
    def sites(self) -> list[Site]:
        return [site for site in (self.services, self.embedded) if site]

    @property
    def main(self) -> Site:
        """The site with the real services, if there is one, else the embedded one."""
        return self.sites[0]

    def some(self, number: int) -> int:
        return max(20, round(number * self.scale))

    def seconds(self, number: float) -> float:
        """Scale a duration of load in seconds; at least 3, because its first second is warm-up."""
        return max(3.0, number * self.scale)

    def versions(self) -> dict[str, str]:
        return {name: version for site in self.sites for name, version in site.versions().items()}


@contextmanager
def run(pairs: set[str], scale: float, history: int) -> Iterator[Run]:
    with ExitStack() as closing:
        services = _services() if "services" in pairs else None
        embedded = Embedded() if "embedded" in pairs or services is None else None
        for site in (services, embedded):
            if site:
                closing.callback(site.close)
        yield Run(services, embedded, scale, history)


def _services() -> Site | None:
    try:
        return OnServices()
    except Missing as reason:
        print(f"NOT MEASURED on PostgreSQL + RabbitMQ: {reason}")
        return None
