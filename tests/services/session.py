"""All services of one test session, each found or started when a test first asks for it."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from functools import cached_property
from typing import TypeVar

import pytest

from tests.services import Missing, postgresql, rabbitmq, redis

T = TypeVar("T")


class Services:
    """`services.postgresql.database()`, `services.rabbitmq.url`, `services.redis.url`."""

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

    def _need(self, name: str, find: Callable[[], AbstractContextManager[T]]) -> T:
        """On a laptop without the service its tests are skipped, loudly; in CI that is a failure."""
        if name not in self._missing:
            try:
                return self._closing.enter_context(find())
            except Missing as reason:
                self._missing[name] = f"NOT TESTED: no {name} here, {reason}"
        if os.environ.get("CI"):
            pytest.fail(self._missing[name], pytrace=False)
        pytest.skip(self._missing[name])
