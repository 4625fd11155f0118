"""The processes of one copy, as data: their names, command lines, ports and checks of readiness."""

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

Imports and reconciliations may take long; they share a process with the mail, which can wait best.
Campaigns have one for themselves, so that no order's mail waits behind ten thousand others.
Webhooks have one for themselves, because their receivers may be slow.
"""

LOCAL_HOSTS = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Process:
    """One process to run. It is ready when `url` answers 200, or when the worker `node` answers a ping."""

    name: str
    argv: tuple[str, ...]
    url: str | None = None
    node: str | None = None
    ports: tuple[int, ...] = ()
    listens: tuple[str, int] | None = None
    """Host and port where the supervisor listens for it; the socket is handed over, and outlives the process."""
    environment: Mapping[str, str] = field(default_factory=dict)
    database_processes: int = 0
    """How many processes of it open up to DATABASE_CONNECTIONS each; the clock and Flower open none."""


def processes(chosen: Settings) -> list[Process]:
    """Return the processes of this copy in the order in which they start. Raises InsecureSetting: see `flower`."""
    return [*_world(chosen), *workers(chosen), clock(chosen), flower(chosen), api(chosen)]


def _world(chosen: Settings) -> list[Process]:
    """Return the sandboxes that the settings point at on this machine; none for a real provider or mail server."""
    banked = chosen.payment_provider == "sandbox" and _is_ours(chosen.bank_url, chosen.bank_port)
    mailed = _is_ours(chosen.smtp_url, chosen.smtp_port)
    return [bank(chosen)] * banked + [sink(chosen)] * mailed


def bank(chosen: Settings) -> Process:
    return Process("bank", _python("sandbox.bank"), url=_healthz(chosen.bank_port), ports=(chosen.bank_port,))


def sink(chosen: Settings) -> Process:
    ports = (chosen.sink_port, chosen.smtp_port)
    return Process("mailsink", _python("sandbox.mailsink"), url=_healthz(chosen.sink_port), ports=ports)


def workers(chosen: Settings) -> list[Process]:
    """Return the workers: one for each entry of REMOTE, and one for all other nouns, whose steps are local."""
    nouns = [noun_of(module) for module in (*TASK_MODULES, *chosen.task_modules)]
    local = [noun for noun in nouns if noun not in chain.from_iterable(REMOTE.values())]
    shares = {"steps": local, **REMOTE}
    return [worker(chosen, name, share, threads=4) for name, share in shares.items()]


def worker(chosen: Settings, name: str, nouns: list[str], *, threads: int) -> Process:
    """Make the worker of these nouns. A few threads suffice: remote steps run in the engine's own pool, by waves."""
    queues = ",".join(chosen.queue_prefix + noun for noun in nouns)
    options = ("-P", "threads", "-c", str(threads), "-n", f"{name}@%h", "-Q", queues, "-l", chosen.log_level)
    argv = (*_celery("worker"), *options, "--without-gossip", "--without-mingle")
    return Process(f"worker-{name}", argv, node=name, database_processes=1)


def clock(chosen: Settings) -> Process:
    schedule = str(chosen.state_dir / "celerybeat-schedule")
    return Process("clock", (*_celery("beat"), "-s", schedule, "--pidfile=", "-l", chosen.log_level))


def flower(chosen: Settings) -> Process:
    """Make Flower: read only, and reachable only from this machine, because its API could stop workers.

    FLOWER_BASIC_AUTH=user:password sets its password; `/metrics` and `/healthcheck` stay open. Without one, its pages
    and its API may be read on a laptop, and InsecureSetting is raised in production. What it stores, and for how long,
    is in flowerconfig.py.
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
    """Make the API. Its server reads a request whole before it takes a thread, which `?wait=` may hold (server/)."""
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
