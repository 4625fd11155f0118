"""The services of one pair during a run of the benchmarks, and the grounds made on them.

Used are the services that DATABASE_URL, BROKER_URL and REDIS_URL name, else those on the standard ports of this
machine, else private servers. Every ground gets a copy of one stocked database, so that all start alike.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import cached_property
from pathlib import Path

from kombu import Connection
from redis import Redis
from sqlalchemy import make_url

from benchmarks.ground import Ground
from tests.services import NAME, postgresql, rabbitmq, redis
from tests.stack.environment import embedded, everywhere

QUICK = {"PAYMENT_PROVIDER": "instant", "SMTP_URL": "discard:", "LOG_LEVEL": "WARNING", "ACCESS_TOKEN_MINUTES": "600"}


class Site:
    """The services of one pair. `with site.ground() as here:` makes a ground, as often as wanted."""

    pair: str

    def __init__(self) -> None:
        self._closing = ExitStack()
        self._made = 0

    @contextmanager
    def ground(self, *, quick: bool = True, **environment: str) -> Iterator[Ground]:
        """Make a ground with a stocked database of its own; it is removed at the end.

        quick: bank and mail answer in process, so that the sandboxes are not part of the figure.
        """
        own = QUICK | environment if quick else environment
        with self._database(self._stocked) as url, self._on(url, own) as here:
            yield here

    def close(self) -> None:
        self._closing.close()

    def versions(self) -> dict[str, str]:
        """Return the versions of the servers by name."""
        raise NotImplementedError

    @cached_property
    def _stocked(self) -> str:
        """The URL of a database with all tables and goods in stock, made once."""
        url = self._closing.enter_context(self._database(None))
        with self._on(url, QUICK) as here:
            here.run("deploy.migrate")
            here.run("benchmarks.acts.stock_up")
        return url

    @contextmanager
    def _on(self, url: str, environment: dict[str, str]) -> Iterator[Ground]:
        folder = Path(tempfile.mkdtemp(prefix="orderwave-bench-"))
        own = {**everywhere(folder), **self._services(folder), "DATABASE_URL": url}
        here = Ground(self.pair, own | environment)
        try:
            yield here
        finally:
            here.close()
            self._forget(here)
            shutil.rmtree(folder, ignore_errors=True)

    def _number(self) -> int:
        self._made += 1
        return self._made

    def _database(self, template: str | None) -> AbstractContextManager[str]:
        """Make a new database, empty or a copy of the one at the URL `template`, and yield its URL."""
        raise NotImplementedError

    def _services(self, folder: Path) -> dict[str, str]:
        """Return the environment of a ground: broker, queue prefix, cache."""
        raise NotImplementedError

    def _forget(self, here: Ground) -> None:
        """Delete the ground's queues that would outlive the run."""


class Embedded(Site):
    """SQLite and litebroker, in one folder per ground."""

    pair = "embedded"

    def versions(self) -> dict[str, str]:
        return {"sqlite": sqlite3.sqlite_version}

    @contextmanager
    def _database(self, template: str | None) -> Iterator[str]:
        with tempfile.TemporaryDirectory(prefix="orderwave-bench-") as folder:
            path = Path(folder, "shop.db")
            if template:
                with sqlite3.connect(_path(template)) as source:
                    source.execute("VACUUM INTO ?", (str(path),))
                source.close()
            yield f"sqlite:///{path}"

    def _services(self, folder: Path) -> dict[str, str]:
        return embedded(folder)


class OnServices(Site):
    """PostgreSQL, RabbitMQ and Redis. Raises Missing where one of them is not available."""

    pair = "services"

    def __init__(self) -> None:
        super().__init__()
        try:
            self._postgresql = self._closing.enter_context(postgresql.server())
            self._rabbitmq = self._closing.enter_context(rabbitmq.broker())
            self._redis = self._closing.enter_context(redis.store())
        except BaseException:
            self._closing.close()
            raise

    def versions(self) -> dict[str, str]:
        with self.ground() as here, Connection(self._rabbitmq.url) as broker, Redis.from_url(self._redis.url) as cache:
            return {
                "postgresql": str(here.ask("SHOW server_version")).split()[0],
                "rabbitmq": broker.connection.server_properties["version"],
                "redis": cache.info("server")["redis_version"],
            }

    @contextmanager
    def _database(self, template: str | None) -> Iterator[str]:
        name = f"{NAME}_bench_{self._number()}"
        copied = f' TEMPLATE "{make_url(template).database}"' if template else ""
        self._postgresql.execute(f'CREATE DATABASE "{name}"{copied}')
        try:
            yield self._postgresql.url.set(database=name).render_as_string(hide_password=False)
        finally:
            self._postgresql.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def _services(self, folder: Path) -> dict[str, str]:
        prefix = f"{self._rabbitmq.prefix}bench{self._number()}."
        return {"BROKER_URL": self._rabbitmq.url, "QUEUE_PREFIX": prefix, "REDIS_URL": self._redis.url}

    def _forget(self, here: Ground) -> None:
        rabbitmq.forget(here.settings.broker_url, here.settings.queue_prefix)


def _path(url: str) -> str:
    return make_url(url).database or ""
