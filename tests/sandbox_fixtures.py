"""A bank and a mail sink of the session, as processes; each test finds them fair and friendly."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sandboxes import Bank, Sink, start_bank, start_sink


@pytest.fixture(scope="session")
def shared_bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bank]:
    bank = start_bank(tmp_path_factory.mktemp("bank"), slow_seconds=0.5, webhook_backoff=0.05)
    yield bank
    bank.stop()


@pytest.fixture
def bank(shared_bank: Bank) -> Iterator[Bank]:
    """One bank for many tests: each has its own reference, and leaves fair weather behind."""
    yield shared_bank
    shared_bank.control(fail=0, drop=0, latency_ms=0, refuse_refunds=False, webhooks="asynchronous")


@pytest.fixture(scope="session")
def shared_sink(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sink]:
    sink = start_sink(tmp_path_factory.mktemp("sink"))
    yield sink
    sink.stop()


@pytest.fixture
def sink(shared_sink: Sink) -> Iterator[Sink]:
    shared_sink.clear()
    yield shared_sink
    shared_sink.control("accept")


@pytest.fixture
def reference(request: pytest.FixtureRequest) -> str:
    """An order id of this test's own."""
    return f"order-{request.node.name}".replace("[", "-").replace("]", "")
