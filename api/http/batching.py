"""Batch concurrent requests: one transaction and one commit for all that arrive at the same time.

The thread of the first request leads: it takes the requests that have queued up meanwhile, carries them out as one
wave and hands each its own answer. No request waits for company; a single one runs alone. When a wave fails with
anything but a refusal, each of its requests is carried out by itself, so that a broken one harms only itself.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import structlog
from sqlalchemy.orm import Session

import db

T = TypeVar("T")
R = TypeVar("R")

MOST = 64
PATIENCE = 0.1  # seconds after which a queued request starts a wave of its own beside the one that is held up
NONE = object()

log = structlog.get_logger(__name__)


@dataclass(eq=False)
class PendingRequest(Generic[T]):
    """One request in the batcher: its thread waits to lead a wave or for the answer from another leader."""

    thing: T
    marks: frozenset[str]
    repeatable: bool
    woken: Any = field(default_factory=threading.Lock)
    leads: bool = False
    answer: Any = NONE

    def __post_init__(self) -> None:
        self.woken.acquire()


class RequestBatcher(Generic[T, R]):
    """Carries out concurrent requests in waves of up to MOST, each wave in one transaction.

    `work(session, things)` returns the answers to these things in their order. An exception among the answers is
    raised in the thread of its request; one that is raised fails the wave, which then goes on one by one.
    """

    def __init__(self, work: Callable[[Session, Sequence[T]], Sequence[R | Exception]]) -> None:
        self._work = work
        self._lock = threading.Lock()
        self._waiting: list[PendingRequest[T]] = []
        self._leaders = 0

    def do(self, thing: T, marks: frozenset[str], *, repeatable: bool) -> R:
        """Return the answer to `thing` once its transaction is committed, or raise the exception that is its answer.

        marks: requests that share a mark are never in one wave.
        repeatable: the request may run again although its COMMIT was sent and the answer was lost.
        """
        turn = PendingRequest(thing, marks, repeatable)
        self._wait(turn)
        if turn.leads:
            self._lead(turn)
        answer: R | Exception = self._alone(turn) if turn.answer is NONE else turn.answer
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _wait(self, turn: PendingRequest[T]) -> None:
        with self._lock:
            self._waiting.append(turn)
            if self._leaders == 0:
                self._let_lead(turn)
                return
        if not turn.woken.acquire(timeout=PATIENCE) and not self._overtakes(turn):
            turn.woken.acquire()

    def _overtakes(self, turn: PendingRequest[T]) -> bool:
        """Start a wave of its own when the one before is held up; False if this request is in that wave already."""
        with self._lock:
            if turn in self._waiting:
                self._let_lead(turn)
            return turn.leads

    def _let_lead(self, turn: PendingRequest[T]) -> None:
        self._leaders += 1
        self._waiting.remove(turn)
        turn.leads = True

    def _lead(self, turn: PendingRequest[T]) -> None:
        wave = self._take(turn)
        try:
            self._carry_out(wave)
        finally:
            self._hand_over()
            for other in wave[1:]:
                other.woken.release()

    def _take(self, first: PendingRequest[T]) -> list[PendingRequest[T]]:
        wave, marks = [first], set(first.marks)
        with self._lock:
            for turn in self._waiting:
                if len(wave) < MOST and marks.isdisjoint(turn.marks):
                    wave.append(turn)
                    marks |= turn.marks
            self._waiting = [turn for turn in self._waiting if turn not in wave]
        return wave

    def _hand_over(self) -> None:
        with self._lock:
            self._leaders -= 1
            if self._waiting and self._leaders == 0:
                following = self._waiting[0]
                self._let_lead(following)
                following.woken.release()

    def _carry_out(self, wave: list[PendingRequest[T]]) -> None:
        answers: list[tuple[PendingRequest[T], R | Exception]] = []
        try:
            with db.transaction() as session:
                work = self._work(session, [turn.thing for turn in wave])
                answers = list(zip(wave, work, strict=True))
        except Exception as error:
            self._fail(wave, error, written=bool(answers))
        else:
            for turn, answer in answers:
                turn.answer = answer

    def _fail(self, wave: list[PendingRequest[T]], error: Exception, *, written: bool) -> None:
        """Record the error for the requests that must not run again; the others then run one by one.

        written: the COMMIT was sent, so that the wave may have been committed: only repeatable requests run again.
        While the database is away none does.
        """
        log.warning("a wave goes on one by one", size=len(wave), error=type(error).__name__)
        for turn in wave:
            if (written and not turn.repeatable) or db.is_away(error):
                turn.answer = error

    def _alone(self, turn: PendingRequest[T]) -> R | Exception:
        tries = 5 if turn.repeatable else 1
        return db.in_transaction(lambda session: self._work(session, [turn.thing]), tries)[0]
