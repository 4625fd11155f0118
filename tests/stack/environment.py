"""The environment of one stack: its own folder, ports, database and queues."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from unittest import mock

from redis import Redis

import config
from tests.sandboxes import free_port
from tests.services import rabbitmq
from tests.services.redis import CLAIM
from tests.services.session import Services

PORTS = ("PORT", "BANK_PORT", "SINK_PORT", "SMTP_PORT", "FLOWER_PORT")
LIMITS = ("RATE_LIMIT", "LOGIN_LIMIT", "ACCOUNT_LIMIT", "REGISTER_LIMIT", "MAIL_LIMIT")

OPERATORS = "operators@example.com"


def everywhere(folder: Path) -> dict[str, str]:
    """Return the settings that both pairs share. All are set, so that none comes from the caller's environment."""
    ports = {name: str(free_port()) for name in PORTS}
    return {
        "ORDERWAVE_ENV": "test",
        "STATE_DIR": str(folder),
        "HOST": "127.0.0.1",
        **ports,
        "PUBLIC_URL": f"http://127.0.0.1:{ports['PORT']}",
        "BANK_URL": f"http://127.0.0.1:{ports['BANK_PORT']}",
        "SMTP_URL": f"smtp://127.0.0.1:{ports['SMTP_PORT']}",
        "OPERATORS_MAIL": OPERATORS,
        "PAYMENT_PROVIDER": "sandbox",
        "BANK_SLOW_SECONDS": "1",
        "PAYMENT_REMINDER_SECONDS": "3600",  # a customer who is slow because of a fault gets no reminder
        "WEBHOOKS_ALLOW_PRIVATE": "true",
        "BCRYPT_COST": "4",
        "LOG_LEVEL": "INFO",
        **dict.fromkeys(LIMITS, "1000000 per minute"),
    }


def embedded(folder: Path) -> dict[str, str]:
    return {
        "DATABASE_URL": f"sqlite:///{folder}/shop.db",
        "BROKER_URL": f"litebroker:///{folder}/broker.db",
        "REDIS_URL": "",
        "QUEUE_PREFIX": "orderwave.",
    }


@contextmanager
def on_services(services: Services, name: str) -> Iterator[dict[str, str]]:
    """Yield the settings of the services pair: a new database and a queue prefix of its own. Empties Redis first."""
    prefix = f"{services.rabbitmq.prefix}{name}."
    with ExitStack() as closing:
        _empty(services.redis.url)
        closing.callback(rabbitmq.forget, services.rabbitmq.url, prefix)
        yield {
            "DATABASE_URL": closing.enter_context(services.postgresql.database()),
            "BROKER_URL": services.rabbitmq.url,
            "REDIS_URL": services.redis.url,
            "QUEUE_PREFIX": prefix,
        }


def settings(environment: dict[str, str]) -> config.Settings:
    """Return the settings that processes with this environment read."""
    with mock.patch.dict(os.environ, environment):
        return config.load()


def _empty(url: str) -> None:
    with Redis.from_url(url) as client:
        ours = client.get(CLAIM)
        client.flushdb()
        client.set(CLAIM, ours or b"")
