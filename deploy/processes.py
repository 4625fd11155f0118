"""The processes of one copy, as data: what they are called, how they start, how one sees that they are ready."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import chain
from urllib.parse import urlsplit

from celery_app import TASK_MODULES, noun_of
from config import Settings
from config.checks import InsecureSetting
from server.settings import workers_for

REMOTE = {
    "payments": ["payments"],
    "notifications": ["notifications", "accounts", "imports", "reconciliations"],
    "campaigns": ["campaigns"],
    "webhooks": ["webhooks"],
}
"""Nouns whose steps call the bank or the mail server have workers of their own: a slow one delays no reservation.

Imports and reconciliations take as long as they take; they share a process with the mail, which can wait best.
Campaigns have one for themselves, so that no order's mail waits behind ten thousand others.
Webhooks go to strangers, who may be slow: nobody else waits with them.
"""

LOCAL_HOSTS = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Process:
    """One line of what runs. It is ready when `url` answers 200, or when the worker `node` answers a ping."""

    name: str
    argv: tuple[str, ...]
    url: str | None = None
    node: str | None = None
    ports: tuple[int, ...] = ()
    listens: tuple[str, int] | None = None
    """Where the supervisor listens for it; the socket is handed over, and outlives it."""
    environment: Mapping[str, str] = field(default_factory=dict)
    database_processes: int = 0
    """How many of it open DATABASE_CONNECTIONS each; the clock and Flower open none."""


def processes(chosen: Settings) -> list[Process]:
    """In the order in which they start; they stop the other way round."""
    return [*_world(chosen), *workers(chosen), clock(chosen), flower(chosen), api(chosen)]


def _world(chosen: Settings) -> list[Process]:
    """The sandboxes that the settings point at; none where the real ones are named."""
    banked = chosen.payment_provider == "sandbox" and _is_ours(chosen.bank_url, chosen.bank_port)
    mailed = _is_ours(chosen.smtp_url, chosen.smtp_port)
    return [bank(chosen)] * banked + [sink(chosen)] * mailed


def bank(chosen: Settings) -> Process:
    return Process("bank", _python("sandbox.bank"), url=_healthz(chosen.bank_port), ports=(chosen.bank_port,))


def sink(chosen: Settings) -> Process:
    ports = (chosen.sink_port, chosen.smtp_port)
    return Process("mailsink", _python("sandbox.mailsink"), url=_healthz(chosen.sink_port), ports=ports)


def workers(chosen: Settings) -> list[Process]:
    """Every noun has one: those not named above do their steps in the database."""
    nouns = [noun_of(module) for module in (*TASK_MODULES, *chosen.task_modules)]
    local = [noun for noun in nouns if noun not in chain.from_iterable(REMOTE.values())]
    shares = {"steps": local, **REMOTE}
    return [worker(chosen, name, share, threads=4) for name, share in shares.items()]


def worker(chosen: Settings, name: str, nouns: list[str], *, threads: int) -> Process:
    """A few threads do: what takes long is called from the engine's own pool, a whole wave at a time."""
    queues = ",".join(chosen.queue_prefix + noun for noun in nouns)
    options = ("-P", "threads", "-c", str(threads), "-n", f"{name}@%h", "-Q", queues, "-l", chosen.log_level)
    argv = (*_celery("worker"), *options, "--without-gossip", "--without-mingle")
    return Process(f"worker-{name}", argv, node=name, database_processes=1)


def clock(chosen: Settings) -> Process:
    schedule = str(chosen.state_dir / "celerybeat-schedule")
    return Process("clock", (*_celery("beat"), "-s", schedule, "--pidfile=", "-l", chosen.log_level))


def flower(chosen: Settings) -> Process:
    """Only to be looked at, and from this machine: its API could stop workers.

    A password for it comes from FLOWER_BASIC_AUTH=user:password. `/metrics` and `/healthcheck` stay open.
    On a laptop its pages and its API may be read without one; in production it does not start. What it keeps, and for
    how long, says flowerconfig.py.
    """
    if chosen.environment == "production" and not chosen.flower_basic_auth:
        raise InsecureSetting("FLOWER_BASIC_AUTH must be set to user:password in production")
    options = {
        "address": "127.0.0.1",
        "port": chosen.flower_port,
        "read_only": True,
        "persistent": True,
        "db": chosen.state_dir / "flower.db",
    }
    argv = (*_celery("flower"), *(f"--{name}={value}" for name, value in options.items()))
    url = f"http://127.0.0.1:{chosen.flower_port}/healthcheck"
    readable = {"FLOWER_UNAUTHENTICATED_API": str(chosen.environment != "production").lower()}
    return Process("flower", argv, url=url, ports=(chosen.flower_port,), environment=readable)


def api(chosen: Settings) -> Process:
    """It reads requests whole before it takes a thread for them, which `?wait=` may hold (server/)."""
    count = workers_for(chosen)
    options = {"host": chosen.host, "port": chosen.port, "workers": count}
    flags = (part for name, value in options.items() for part in (f"--{name}", str(value)))
    return Process(
        "api",
        (*_python("server"), *flags, "api.wsgi:app"),
        url=_healthz(chosen.port),
        ports=(chosen.port,),
        listens=(chosen.host, chosen.port),
        database_processes=count,
    )


def _is_ours(url: str, port: int) -> bool:
    parts = urlsplit(url)
    return parts.hostname in LOCAL_HOSTS and parts.port == port


def _healthz(port: int) -> str:
    return f"http://127.0.0.1:{port}/healthz"


def _python(module: str) -> tuple[str, ...]:
    return (sys.executable, "-m", module)


def _celery(command: str) -> tuple[str, ...]:
    return (*_python("celery"), "-A", "celery_app", command)
