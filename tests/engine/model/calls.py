"""Calls to the outside without threads: each is made at once, and its answer comes now or when the story says so."""

from __future__ import annotations

from collections.abc import Callable, Collection
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest

from engine import remote
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
        self._slow: set[Future[Any]] = set()
        self._slowly = False
        pool = SimpleNamespace(wait_for_room=lambda wanted: None, submit=self._submit)
        monkeypatch.setattr(remote, "calls", lambda: pool)
        monkeypatch.setattr(remote, "wait", self._wait)
        monkeypatch.setattr(remote, "_late_answers", lambda: SimpleNamespace(expect=self._expect))

    def be_slow(self) -> None:
        """Said by the call under way."""
        self._slowly = True

    def _submit(self, function: Callable[..., Any], *args: Any, run: str) -> Future[Any]:
        self._slowly = False
        future: Future[Any] = Future()
        future.set_result(function(*args))
        if self._slowly:
            self._slow.add(future)
        return future

    def _wait(self, futures: Collection[Future[Any]], timeout: float) -> tuple[list[Future[Any]], list[Future[Any]]]:
        """The answered and the late, in the order in which they were asked: sets would tell it otherwise each time."""
        return [f for f in futures if f not in self._slow], [f for f in futures if f in self._slow]

    def _expect(self, future: Future[Any], step: StepTask) -> None:
        self._slow.discard(future)
        self.late.append(SlowAnswer(step, future))
