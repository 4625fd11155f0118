"""Claims: a worker locks those runs of its message that really stand at the message's step.

The rest (done already, claimed by another worker, ended, unknown) is passed over in silence: that is what makes a
doubled, late or reordered message harmless.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import and_, bindparam, func, outerjoin, select, update
from sqlalchemy.orm import Session

from db.functions import age, in_list, transaction_time
from db.schema import is_id
from db.statements import execute_core, table_of
from engine import plans
from engine.plan import Plan
from engine.states import Direction, Hold
from engine.tables import JournalRow, RunRow

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Run:
    """A run as a step sees it: read under the lock of its row, before the step has changed anything."""

    id: str
    plan: Plan
    step: int
    direction: str
    version: int
    attempt: int
    subject_id: str
    input: dict[str, Any]
    error: dict[str, Any] | None
    cancel_requested: bool
    nudged: bool
    late: bool  # past the deadline of the whole run
    expired: bool  # past the deadline of a wait
    refusals: int  # refusals of this step that an operator overrode
    left: float | None  # seconds to the deadline of the whole run; None: it has no deadline
    troubled: float | None  # seconds since this step failed first
    waiting_for: str | None  # the gateway that was away at the last attempt
    trouble: dict[str, Any] | None  # what the journal says of its last attempt
    broken: float = 0.0  # seconds since this step first raised a Fault; read only where it has just raised one

    @property
    def key(self) -> str:
        """Return the idempotency key of this step's call: `run:step`, the same for every attempt.

        It changes only when an operator retries a refused step: nothing happened under the old key, and a strict
        provider would repeat its refusal for ever (decision 4).
        """
        undo = ":undo" if self.direction == Direction.UNDO else ""
        return f"{self.id}:{self.name}{undo}" + (f":{self.refusals}" if self.refusals else "")

    @property
    def name(self) -> str:
        return self.plan.steps[self.step].name

    @property
    def past_pivot(self) -> bool:
        return self.plan.past_pivot(self.step)

    @property
    def stopped(self) -> bool:
        """Return whether the run must turn back instead of doing this step: cancelled or late, not past its pivot."""
        return (self.cancel_requested or self.late) and self.direction == Direction.DO and not self.past_pivot


_RUN, _JOURNAL = table_of(RunRow).c, table_of(JournalRow).c
_HERE = and_(_JOURNAL.run_id == _RUN.id, _JOURNAL.step == _RUN.step, _JOURNAL.direction == _RUN.direction)
_RUNS = (
    select(
        _RUN.id,
        _RUN.plan_id,
        _RUN.step,
        _RUN.direction,
        _RUN.version,
        _RUN.attempt,
        _RUN.subject_id,
        _RUN.input,
        _RUN.error,
        _RUN.cancel_requested,
        _RUN.nudged,
        (_RUN.deadline_at <= transaction_time()).label("late"),
        (_RUN.wait_until <= transaction_time()).label("expired"),
        func.coalesce(_JOURNAL.refusals, 0).label("refusals"),
        (-age(_RUN.deadline_at)).label("left"),
        age(_RUN.troubled_since).label("troubled"),
        _RUN.waiting_for,
        _JOURNAL.error.label("trouble"),
    )
    .select_from(outerjoin(table_of(RunRow), table_of(JournalRow), _HERE))
    .where(in_list(_RUN.id, "ids"))
    .order_by(_RUN.id)
)


def _locking(statement: Any, *, skip_locked: bool = False) -> Any:
    """Lock rows of `runs` only.

    The journal's count of refusals may be a moment old: with a key that is too old a provider merely repeats its
    refusal.
    """
    return statement.with_for_update(of=table_of(RunRow), key_share=True, skip_locked=skip_locked)


_READY = _locking(_RUNS.where(_RUN.task == bindparam("task"), _RUN.hold == Hold.NONE), skip_locked=True)
_ANY = _locking(_RUNS)
_IN_CALL = _locking(_RUNS.where(_RUN.hold == Hold.CALL))


def claim(session: Session, task: str, ids: Sequence[str]) -> list[Run]:
    """Lock those of `ids` that stand before `task` under no hold, and return them by id. Skips locked rows."""
    runs = _read(session, _READY, {"task": task, "ids": ids})
    if runs:
        log.info("claimed", runs=[run.id for run in runs], subjects=[run.subject_id for run in runs])
    return runs


def note_claim(session: Session, task: str, ids: Sequence[str]) -> None:
    """Count that a worker takes these runs, which were lost before.

    A run is given up only by this count: a message that never reached a worker does not speak against the run.
    """
    execute_core(session, _NOTE, {"at": task, "ids": list(filter(is_id, ids))})


_NOTE = (
    update(table_of(RunRow))
    .where(in_list(_RUN.id, "ids"), _RUN.task == bindparam("at"), _RUN.hold == Hold.NONE)
    .values(claims=_RUN.claims + 1)
)


def claim_answered(session: Session, versions: Mapping[str, int]) -> list[Run]:
    """Lock and return the runs that are still in the call of this version (by run id).

    An outdated version is left out: another worker has taken that call over.
    """
    runs = _read(session, _IN_CALL, {"ids": list(versions)})
    return [run for run in runs if run.version == versions[run.id]]


def lock(session: Session, ids: Sequence[str]) -> list[Run]:
    """Lock these runs wherever they stand, waiting for other locks, and return those that exist, by id."""
    return _read(session, _ANY, {"ids": ids})


def _read(session: Session, statement: Any, parameters: dict[str, Any]) -> list[Run]:
    parameters["ids"] = list(filter(is_id, parameters["ids"]))  # PostgreSQL refuses a whole list for one forged id
    rows = execute_core(session, statement, parameters).all()
    known = plans.load(session, {row.plan_id for row in rows})
    return [_run(row, known) for row in rows]


def _run(row: Any, known: Mapping[str, Plan]) -> Run:
    standing = row._asdict()
    plan = known[standing.pop("plan_id")]
    late, expired = bool(standing.pop("late")), bool(standing.pop("expired"))
    return Run(**standing, plan=plan, late=late, expired=expired)
