"""Answers of calls that came after their wave had gone on, or could not be recorded: they are recorded together."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

from db import TROUBLE
from engine.steps import StepTask

log = logging.getLogger(__name__)

GATHER = 0.02  # seconds
TROUBLED = 0.5  # seconds before an absent database is tried again

Record = Callable[[StepTask, Sequence[Any]], object]


class LateAnswers:
    """A queue of answered calls, and a thread that records them with `record(step, answers)`."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self._answers: queue.SimpleQueue[tuple[StepTask, Any]] = queue.SimpleQueue()
        self._expected = 0
        self._changed = threading.Condition()
        threading.Thread(target=self._run, name="late-answers", daemon=True).start()

    def expect(self, future: Future[Any], step: StepTask) -> None:
        """Record the answer of this call once it has come."""
        self._count(1)
        future.add_done_callback(lambda done: self._answers.put((step, done.result())))

    def keep(self, step: StepTask, answers: Sequence[Any]) -> None:
        """Record these answers later: they have come, but the database was away."""
        self._count(len(answers))
        for answer in answers:
            self._answers.put((step, answer))

    def wait_until_written(self, seconds: float) -> bool:
        """Wait up to so many seconds; return whether all expected answers have come and are recorded by then."""
        with self._changed:
            return self._changed.wait_for(lambda: self._expected == 0, seconds)

    def _count(self, more: int) -> None:
        with self._changed:
            self._expected += more
            self._changed.notify_all()

    def _run(self) -> None:
        while True:
            first = self._answers.get()
            time.sleep(GATHER)
            answers = [first] + [self._answers.get() for _ in range(self._answers.qsize())]
            for name in {step.name for step, _ in answers}:
                mine = [(step, answer) for step, answer in answers if step.name == name]
                self._write(mine[0][0], [answer for _, answer in mine])

    def _write(self, step: StepTask, answers: Sequence[Any]) -> None:
        try:
            self._record(step, answers)
        except TROUBLE as error:
            log.warning("%d answers of %s wait for the database: %r", len(answers), step.name, error)
            time.sleep(TROUBLED)
            self.keep(step, answers)
        except Exception:
            # Their leases run out, and the calls are made again with the same keys.
            log.exception("%d late answers of %s could not be recorded", len(answers), step.name)
        self._count(-len(answers))
