from collections.abc import Iterator
from pathlib import Path

import pytest
from kombu import Connection

import litebroker  # noqa: F401 - teaches kombu the scheme


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"litebroker:///{tmp_path}/broker.db"


@pytest.fixture
def connection(url: str) -> Iterator[Connection]:
    with Connection(url) as connection:
        yield connection
