"""The same tests over both brokers. RabbitMQ is skipped aloud where it does not answer, and must answer in CI."""

import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from kombu import Connection

import litebroker  # noqa: F401 - teaches kombu the scheme

RABBITMQ = os.environ.get("RABBITMQ_URL", "amqp://guest:guest@127.0.0.1:5672//")


@dataclass(frozen=True)
class Broker:
    name: str
    url: str

    @property
    def is_rabbitmq(self) -> bool:
        return self.name == "rabbitmq"


def rabbitmq_answers() -> bool:
    try:
        with Connection(RABBITMQ, connect_timeout=2) as connection:
            connection.connect()
    except OSError:
        return False
    return True


def rabbitmqctl(*arguments: str) -> None:
    subprocess.run(["rabbitmqctl", "-q", *arguments], check=True, capture_output=True, timeout=30)


@pytest.fixture(scope="session")
def vhost() -> Iterator[str]:
    """A virtual host of our own, so that nobody else's queue is touched."""
    if not rabbitmq_answers():
        reason = "RabbitMQ does not answer: the contract is NOT checked against it"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    if not shutil.which("rabbitmqctl"):
        pytest.skip("no rabbitmqctl to make a virtual host with: the contract is NOT checked against RabbitMQ")
    name = f"litebroker-contract-{uuid.uuid4().hex[:8]}"
    rabbitmqctl("add_vhost", name)
    rabbitmqctl("set_permissions", "-p", name, "guest", ".*", ".*", ".*")
    yield RABBITMQ.rsplit("/", 1)[0].rstrip("/") + "/" + name
    rabbitmqctl("delete_vhost", name)


@pytest.fixture(params=["litebroker", "rabbitmq"])
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Broker:
    if request.param == "rabbitmq":
        return Broker("rabbitmq", request.getfixturevalue("vhost"))
    return Broker("litebroker", f"litebroker:///{tmp_path}/broker.db")


@pytest.fixture
def connection(broker: Broker) -> Iterator[Connection]:
    with Connection(broker.url) as connection:
        yield connection


@pytest.fixture
def name() -> str:
    """Of a queue or an exchange that only this test has."""
    return f"test-{uuid.uuid4().hex[:8]}"
