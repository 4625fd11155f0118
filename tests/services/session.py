"""All services of one test session, each found or started when a test first asks for it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import cached_property
from typing import Protocol, TypeVar

import pytest

from tests.services import Missing, postgresql, rabbitmq, redis


class Private(Protocol):
    def start(self) -> None: ...
    def remove(self) -> None: ...


T = TypeVar("T")
P = TypeVar("P", bound=Private)


class Services:
    """The services of a session: `services.postgresql.database()`, `services.rabbitmq.url`, `services.redis.url`.

    A test that needs a missing one is skipped; in CI it fails.
    """

    def __init__(self, closing: ExitStack) -> None:
        self._closing = closing
        self._missing: dict[str, str] = {}

    @cached_property
    def postgresql(self) -> postgresql.Server:
        return self._need("PostgreSQL", postgresql.server)

    @cached_property
    def rabbitmq(self) -> rabbitmq.Broker:
        return self._need("RabbitMQ", rabbitmq.broker)

    @cached_property
    def redis(self) -> redis.Store:
        return self._need("Redis", redis.store)

    @contextmanager
    def private(self, name: str, make: Callable[[], P]) -> Iterator[P]:
        """Start a private service, which this test may kill, and remove it at the end."""
        with ExitStack() as closing:
            yield self._or_skip(name, lambda: _started(make, closing))

    def _need(self, name: str, find: Callable[[], AbstractContextManager[T]]) -> T:
        return self._or_skip(name, lambda: self._closing.enter_context(find()))

    def _or_skip(self, name: str, find: Callable[[], T]) -> T:
        """Return `find()`; if it raises Missing, skip the test with a reason, or fail it in CI."""
        if name not in self._missing:
            try:
                return find()
            except Missing as reason:
                self._missing[name] = f"NOT TESTED: no {name} here, {reason}"
        if os.environ.get("CI"):
            pytest.fail(self._missing[name], pytrace=False)
        pytest.skip(self._missing[name])


def _started(make: Callable[[], P], closing: ExitStack) -> P:
    made = make()
    closing.callback(made.remove)
    made.start()
    return made
