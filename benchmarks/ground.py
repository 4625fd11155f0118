"""Where a benchmark runs: a database, a queue prefix and a state folder of its own, on the services it is given.

Give DATABASE_URL (PostgreSQL), BROKER_URL (RabbitMQ) and REDIS_URL, or nothing for the embedded pair.
"""

from __future__ import annotations

import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version

import psycopg

ADDRESS = {"name": "B. Bencher", "line1": "1 Loop", "city": "Bonn", "postal_code": "53111", "country": "DE"}


@contextmanager
def ground() -> Iterator[str]:
    """Sets the environment of this process and of its children; yields the name of the pair."""
    state = tempfile.mkdtemp(prefix="orderwave-bench-")
    given = os.environ.get("DATABASE_URL", "")
    os.environ.update(
        STATE_DIR=state,
        QUEUE_PREFIX=f"bench{os.getpid()}.",
        PAYMENT_PROVIDER="instant",
        SMTP_URL="discard:",
        LOG_LEVEL="WARNING",
    )
    try:
        if given.startswith("postgresql"):
            with _database(given) as url:
                os.environ["DATABASE_URL"] = url
                yield "services"
        else:
            os.environ.pop("DATABASE_URL", None)
            os.environ.pop("BROKER_URL", None)
            yield "embedded"
    finally:
        shutil.rmtree(state, ignore_errors=True)


@contextmanager
def _database(given: str) -> Iterator[str]:
    name = f"orderwave_bench_{os.getpid()}"
    server = given.replace("postgresql+psycopg", "postgresql")
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    try:
        yield given.rsplit("/", 1)[0] + "/" + name
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@contextmanager
def worker(app: str, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """A Celery worker in a group of its own, gone when the block ends."""
    command = [sys.executable, "-m", "celery", "-A", app, "worker", "-l", "WARNING", *options]
    quiet = ("--without-gossip", "--without-mingle")
    process = subprocess.Popen([*command, *quiet], start_new_session=True, stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def machine() -> str:
    return f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"


def versions() -> dict[str, str]:
    return {name: version(name) for name in ("celery", "kombu", "sqlalchemy", "psycopg")}
