"""The ground of a soak: a running copy behind proxies; on the services pair with private services."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.faults.world.faketime import Clock, is_here
from tests.faults.world.proxied_stack import Chosen, World, make
from tests.services import postgresql, rabbitmq, redis
from tests.services.cluster import Cluster
from tests.services.node import Node
from tests.services.session import Services
from tests.services.store import Server

MINUTES = {"AUTHENTICATION_MINUTES": "2", "ACCESS_TOKEN_MINUTES": "600"}
MORE_WORKERS = (("stock", "orders"), ("payments",))  # two of a kind, so that one goes on while the other is down


@dataclass(frozen=True)
class Private:
    """Private services, which may be killed."""

    database: Cluster
    broker: Node
    redis: Server


@dataclass(frozen=True)
class Ground:
    world: World
    private: Private | None  # none on the embedded pair
    clock: Clock | None  # of all its processes; none where there is no libfaketime


@contextmanager
def ground(pair: str, services: Services, folder: Path) -> Iterator[Ground]:
    with ExitStack() as closing:
        private = _private(closing) if pair == "services" else None
        chosen, clock = _chosen(private) if private else services, _clock(folder)
        told = clock.environment if clock else {}
        world = closing.enter_context(make(pair, folder, chosen, "soak", **MINUTES, **told))
        for nouns in MORE_WORKERS:
            world.stack.start_worker(nouns)
        yield Ground(world, private, clock)


def _clock(folder: Path) -> Clock | None:
    if is_here():
        return Clock(folder / "offset")
    print("NOT TESTED: no libfaketime here, so nobody sets the clock", flush=True)
    return None


def _private(closing: ExitStack) -> Private:
    made = Private(Cluster(), Node(), Server())
    for service in (made.database, made.broker, made.redis):
        closing.callback(service.remove)
        service.start()
    return made


def _chosen(private: Private) -> Chosen:
    database = postgresql.Server(private.database.url, lambda: None)
    return Chosen(database, rabbitmq.Broker(private.broker.url), redis.Store(private.redis.url))
