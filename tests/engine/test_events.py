"""Telling Flower something holds up no worker, whatever becomes of the connection meanwhile (P1)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from celery.events.dispatcher import EventDispatcher
from kombu import Connection, Exchange

from celery_app import app
from engine.events import ONCE_MORE


@pytest.fixture
def dispatcher(tmp_path: Path) -> Iterator[EventDispatcher]:
    with Connection(f"litebroker:///{tmp_path}/broker.db") as line:
        yield app.events.Dispatcher(line)


def test_an_exchange_that_is_never_declared_is_not_tried_for_ever(
    dispatcher: EventDispatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = []

    def broken(*_: object, **__: object) -> None:
        tries.append("declare")
        assert len(tries) < 100, "in vain"
        raise BrokenPipeError(32, "Broken pipe")

    with monkeypatch.context() as patched:
        patched.setattr(Exchange, "declare", broken)
        dispatcher.send("worker-heartbeat", retry=True)  # as Celery's heart does
    assert len(tries) == 1 + ONCE_MORE["max_retries"]
    assert len(dispatcher._outbound_buffer) == 1


def test_one_that_is_declared_anew_is_told(dispatcher: EventDispatcher, monkeypatch: pytest.MonkeyPatch) -> None:
    declare, tries = Exchange.declare, []

    def broken_at_first(self: Exchange, *rest: object, **named: object) -> object:
        tries.append("declare")
        if len(tries) == 1:
            raise BrokenPipeError(32, "Broken pipe")
        return declare(self, *rest, **named)

    monkeypatch.setattr(Exchange, "declare", broken_at_first)
    dispatcher.send("worker-heartbeat", retry=True)
    assert (len(tries), len(dispatcher._outbound_buffer)) == (2, 0)
