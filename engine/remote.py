"""Remote steps: commit the intent, call the gateways for all runs side by side, record the answers.

No lock, no connection and no transaction is held during a call. A wave does not wait for its slowest calls: late ones
finish under their lease, are recorded by themselves and send their run along its own remaining steps.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import wait
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog
from sqlalchemy import bindparam, update
from sqlalchemy.orm import Session
from structlog.contextvars import bound_contextvars

from db import TROUBLE, in_transaction
from db.functions import in_list, in_seconds, statement_time
from db.statements import execute_core, table_of
from engine import breaker, crash, journal, skipped_calls
from engine.calls import calls
from engine.claim import Run, claim, claim_answered
from engine.dispatch import send_after_commit
from engine.isolation import together_or_alone
from engine.late_answers import LateAnswers
from engine.limits import LEASE
from engine.outcomes import Outcome, TryAgain, Unknown
from engine.settle import settle, turn_back
from engine.states import Direction, Hold, State
from engine.steps import Answer, Done, FaultInCall, Result, StepTask
from engine.tables import RunRow

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Pending:
    """A call to be made: the run, its request, and the version of the run's row that fences the answer."""

    run: Run
    request: Any
    version: int


def work(step: StepTask, ids: Sequence[str]) -> bool:
    """Take a wave through a remote step. Returns whether any run goes on along this chain."""
    calls().wait_for_room(len(ids))
    parts = together_or_alone(step, ids, lambda session, some: _intend(session, step, some))
    pending = [one for part, _ in parts for one in part]
    goes_on = any(moved for _, moved in parts)
    crash.at("after_transaction", step.name)
    if not pending:
        return goes_on
    futures = [calls().submit(_call, step, one, run=one.run.id, version=one.version) for one in pending]
    answered, late = wait(futures, timeout=step.patience)
    crash.at("after_call", step.name)
    for future in late:
        _late_answers().expect(future, step)
    moved = _record_or_keep(step, [future.result() for future in answered])
    return goes_on or bool(moved)


# --- the intent ---------------------------------------------------------------------------------


def _intend(session: Session, step: StepTask, ids: Sequence[str]) -> tuple[list[Pending], bool]:
    runs = claim(session, step.name, ids)
    turn_back(session, [run for run in runs if run.stopped])
    going = [run for run in runs if not run.stopped]
    if not going:
        return [], False
    assert step.fetch is not None
    requests = dict(step.fetch(session, going))
    skipped_calls.spare_the_unsent(session, step, going, requests)
    skipped_calls.put_aside(session, step, skipped_calls.calling(going, requests), requests)
    goes_on = settle(session, step, _settled(going, requests), begun=False)
    return _lease(session, step, skipped_calls.calling(going, requests), requests), goes_on


def _settled(runs: Sequence[Run], requests: Mapping[str, Any]) -> list[tuple[Run, Result]]:
    """Return the runs that need no call, with their results: a run without a request is done."""
    answers = [(run, requests.get(run.id, Done())) for run in runs]
    return [(run, answer) for run, answer in answers if isinstance(answer, Done | Outcome)]


def _lease(session: Session, step: StepTask, runs: Sequence[Run], requests: Mapping[str, Any]) -> list[Pending]:
    if not runs:
        return []
    journal.begin(session, runs)
    for direction, state in ((Direction.DO, State.RUNNING), (Direction.UNDO, State.COMPENSATING)):
        ids = [run.id for run in runs if run.direction == direction]
        if ids:
            execute_core(session, _TAKE, {"ids": ids, "next_state": state})
    return [Pending(run, requests[run.id], run.version + 1) for run in runs]


_TAKE = (
    update(table_of(RunRow))
    .where(in_list(table_of(RunRow).c.id, "ids"))
    .values(
        hold=Hold.CALL,
        state=bindparam("next_state"),
        version=table_of(RunRow).c.version + 1,
        lease_until=in_seconds(LEASE),
        updated_at=statement_time(),
    )
)


# --- the call --------------------------------------------------------------------------------------


def _call(step: StepTask, pending: Pending) -> tuple[Pending, Result]:
    with bound_contextvars(task=step.name, run=pending.run.id, subject=pending.run.subject_id):
        return pending, _answer(step, pending)


def _answer(step: StepTask, pending: Pending) -> Result:
    assert step.call is not None
    try:
        return Done(step.call(pending.request, pending.run.key))
    except TryAgain as retry:
        return skipped_calls.marked(retry, step, pending.request)
    except Outcome as outcome:
        return outcome
    except TROUBLE as error:
        return skipped_calls.marked(Unknown("database_away", type(error).__name__), step, pending.request)
    except Exception as error:
        # It broke somewhere in the call, perhaps after the gateway acted: only the same key may find out.
        log.error("a call failed unexpectedly", exc_info=error)
        return skipped_calls.marked(FaultInCall("the call failed unexpectedly", error), step, pending.request)


# --- the record ------------------------------------------------------------------------------------


def _record_or_keep(step: StepTask, answers: Sequence[tuple[Pending, Result]]) -> list[Run]:
    """Record answers, or keep them under their leases until the database is back: the calls are not made again."""
    try:
        return record(step, answers) if answers else []
    except TROUBLE as error:
        log.warning("answers wait for the database", runs=[pending.run.id for pending, _ in answers], error=repr(error))
        _late_answers().keep(step, answers)
        return []


def record(step: StepTask, answers: Sequence[tuple[Pending, Result]], *, late: bool = False) -> list[Run]:
    """Record all answers in one transaction, or one by one if that fails. Returns the runs that go on.

    late: their wave has gone on without them, so each is sent along its own remaining steps.
    Raises one of TROUBLE if the database is away: then the leases are kept. Safe to call again: answers that are
    recorded no longer match their run's version.
    """
    away = False
    try:
        going = _recorded(step, answers, late=late)
    except TROUBLE:
        away = True
        raise
    finally:
        if not away:
            calls().let_go((pending.run.id, pending.version) for pending, _ in answers)
    breaker.note([(step.gateway_of(pending.request), result) for pending, result in answers])
    return going


def _recorded(step: StepTask, answers: Sequence[tuple[Pending, Result]], *, late: bool) -> list[Run]:
    try:
        return in_transaction(lambda session: _record(session, step, answers, late=late))
    except TROUBLE:
        raise
    except Exception as error:
        if len(answers) > 1:
            return [run for one in answers for run in _recorded(step, [one], late=late)]
        run = answers[0][0].run
        log.error("an answer could not be recorded", run=run.id, subject=run.subject_id, exc_info=error)
        unknown = FaultInCall("the answer could not be recorded", error)
        return in_transaction(lambda session: _record(session, step, [(answers[0][0], unknown)], remember=False))


def _record(
    session: Session,
    step: StepTask,
    answers: Sequence[tuple[Pending, Result]],
    *,
    late: bool = False,
    remember: bool = True,
) -> list[Run]:
    by_run = {pending.run.id: (pending, result) for pending, result in answers}
    ours = claim_answered(session, {id: pending.version for id, (pending, _) in by_run.items()})
    if remember and ours and step.remember:
        step.remember(session, [Answer(run, by_run[run.id][0].request, by_run[run.id][1]) for run in ours])
    settle(session, step, [(run, by_run[run.id][1]) for run in ours], begun=True)
    going = [run for run in ours if isinstance(by_run[run.id][1], Done)]
    if late:
        _send_on(session, going)
    return going


def _send_on(session: Session, runs: Sequence[Run]) -> None:
    for run in runs:
        following = run.plan.after(run.step, run.direction)
        if following is not None:
            send_after_commit(session, run.plan, following, run.direction, [run.id])


def finish_calls(seconds: float) -> bool:
    """Wait for late calls up to so many seconds, before the process ends; return whether all are recorded."""
    return os.getpid() not in _late or _late_answers().wait_until_written(seconds)


_late: dict[int, LateAnswers] = {}
_making = threading.Lock()


def _late_answers() -> LateAnswers:
    """Return this process's LateAnswers, making it at the first call. A forked child has its own."""
    with _making:
        if os.getpid() not in _late:
            _late[os.getpid()] = LateAnswers(partial(record, late=True))
        return _late[os.getpid()]
