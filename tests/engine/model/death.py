"""Dying as by kill -9, in process: at a crash point the worker is unwound, and nothing it does on the way counts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event

import db
from engine import crash


class Died(BaseException):
    """No `except Exception` catches it."""


class Death:
    """`with death.at("after_call"):` whatever comes by that point inside dies there."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._point: str | None = None
        self._dead = False
        monkeypatch.setattr(crash, "at", self._reached)
        for happening in ("before_cursor_execute", "commit"):
            event.listen(db.engine(), happening, self.stay_dead)

    @contextmanager
    def at(self, point: str | None) -> Iterator[None]:
        self._point = point
        try:
            yield
        finally:
            self._point, self._dead = None, False

    def stay_dead(self, *_: Any, **__: Any) -> None:
        """A `finally` or an `except BaseException` of the engine's saves nothing: a kill would not wait for it."""
        if self._dead:
            raise Died

    def _reached(self, point: str, task: str) -> None:
        self.stay_dead()
        if point == self._point:
            self._dead = True
            raise Died
