"""Calls to the outside without threads: each is made at once, and its answer comes now or when a rule says so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest

from engine import remote
from engine.limits import WAVE
from engine.remote import Pending
from engine.steps import StepTask


class SlowAnswer:
    """The outside has acted, its answer is still on the line."""

    def __init__(self, step: StepTask, future: Future[Any]) -> None:
        self.step = step
        self.pending, self.result = future.result()

    def __repr__(self) -> str:
        run = self.pending.run
        return f"<{run.name} {run.direction} of {run.subject_id}, version {self.pending.version}>"

    def record(self) -> None:
        remote.record(self.step, [(self.pending, self.result)], late=True)


class Calls:
    """In the place of the pool, of its waiting, and of the thread that gathers late answers."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.late: list[SlowAnswer] = []
        self.patience = WAVE  # how many answers come before their wave goes on without the rest
        self.look: Callable[[StepTask, Pending], None] = lambda step, pending: None  # just before each call
        pool = SimpleNamespace(wait_for_room=lambda wanted: None, submit=self._submit, let_go=lambda calls: None)
        monkeypatch.setattr(remote, "calls", lambda: pool)
        monkeypatch.setattr(remote, "wait", self._wait)
        monkeypatch.setattr(remote, "_late_answers", lambda: SimpleNamespace(expect=self._expect))

    def _submit(self, function: Callable[..., Any], *args: Any, run: str, version: int) -> Future[Any]:
        self.look(*args)
        future: Future[Any] = Future()
        future.set_result(function(*args))
        return future

    def _wait(self, futures: Sequence[Future[Any]], timeout: float) -> tuple[Sequence[Future[Any]], ...]:
        """The answered and the late. Lists, where `wait` has sets: those would be in another order each time."""
        return futures[: self.patience], futures[self.patience :]

    def _expect(self, future: Future[Any], step: StepTask) -> None:
        self.late.append(SlowAnswer(step, future))
