from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.server.wire import Wire


@pytest.fixture(autouse=True)
def wires_are_closed() -> Iterator[None]:
    yield
    Wire.close_all()
