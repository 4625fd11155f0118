"""A running copy with a fault proxy before each service that it uses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tests.proxy import ForgetfulProxy, Proxy
from tests.services.postgresql import Server
from tests.services.rabbitmq import Broker
from tests.services.redis import Store
from tests.stack import Stack
from tests.stack.environment import embedded, everywhere, on_services
from tests.stack.shelf import Shelf


@dataclass(frozen=True)
class Chosen:
    """Services in place of the session's, for drills that need private ones."""

    postgresql: Server
    rabbitmq: Broker
    redis: Store


@dataclass(frozen=True)
class World:
    """A stack and its proxies: `world.bank.mode("swallow")`. On the embedded pair only bank and mail sink have one."""

    stack: Stack
    bank: Proxy
    smtp: Proxy
    broker: Proxy
    database: ForgetfulProxy
    redis: Proxy

    def heal(self) -> None:
        for proxy in (self.bank, self.smtp, self.broker, self.database, self.redis):
            proxy.mode("pass")
        self.stack.heal()


@contextmanager
def make(pair: str, folder: Path, services: Chosen, name: str, **more: str) -> Iterator[World]:
    """Start a stack behind proxies, and close it at the end. Clients and judge do not go through the proxies."""
    with ExitStack() as closing:
        chosen = embedded(folder) if pair == "embedded" else closing.enter_context(on_services(services, name))  # type: ignore[arg-type]
        real = everywhere(folder) | chosen | more
        seen, proxies = _proxied(real, closing)
        stack = Stack(pair, real | seen)
        stack.url = f"http://127.0.0.1:{real['PORT']}"  # wherever PUBLIC_URL says that it is
        stack.bank.url, stack.shelf = real["BANK_URL"], Shelf(real["DATABASE_URL"])
        closing.callback(stack.close)
        stack.start()
        yield World(stack, **proxies)  # type: ignore[arg-type]


def _proxied(real: Mapping[str, str], closing: ExitStack) -> tuple[dict[str, str], dict[str, Proxy]]:
    """Start a proxy for each service; return the settings that point at them, and the proxies by name."""
    names = {"bank": "BANK_URL", "smtp": "SMTP_URL", "broker": "BROKER_URL", "database": "DATABASE_URL"}
    seen: dict[str, str] = {}
    proxies: dict[str, Proxy] = {}
    for name, variable in {**names, "redis": "REDIS_URL"}.items():
        kind = ForgetfulProxy if name == "database" else Proxy
        proxies[name] = closing.enter_context(kind.before(real[variable]))
        if urlsplit(real[variable]).hostname:
            seen[variable] = proxies[name].url(real[variable])
    return seen, proxies
