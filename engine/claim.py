"""Taking hold of runs. Of the ids a message names, only those that really stand at its step are taken.

The rest (done already, someone else's, cancelled, an echo) is passed over in silence: that is what makes a
doubled, late or reordered message harmless.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from engine import plans
from engine.plan import Plan
from engine.states import Direction, Hold
from engine.tables import RunRow
from sql import among, is_id, now


@dataclass(frozen=True, slots=True)
class Run:
    """A run in the hands of a step."""

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
    key: str = ""  # of a remote step: what the outside is to know this call by

    @property
    def name(self) -> str:
        return self.plan.steps[self.step].name

    @property
    def past_pivot(self) -> bool:
        return self.plan.past_pivot(self.step)

    @property
    def stopped(self) -> bool:
        """Whether it must turn back before this step."""
        return (self.cancel_requested or self.late) and self.direction == Direction.DO and not self.past_pivot


def _runs() -> Any:
    row = RunRow
    return (
        select(
            row.id,
            row.plan_id,
            row.step,
            row.direction,
            row.version,
            row.attempt,
            row.subject_id,
            row.input,
            row.error,
            row.cancel_requested,
            row.nudged,
            (row.deadline_at <= now()).label("late"),
            (row.wait_until <= now()).label("expired"),
        )
        .order_by(row.id)
        .where(among(row.id, "ids"))
    )


_READY = (
    _runs()
    .where(RunRow.task == bindparam("task"), RunRow.hold == Hold.NONE)
    .with_for_update(skip_locked=True, key_share=True)
)
_ANY = _runs().with_for_update(key_share=True)
_IN_CALL = _runs().where(RunRow.hold == Hold.CALL).with_for_update(key_share=True)


def claim(session: Session, task: str, ids: Sequence[str]) -> list[Run]:
    """Lock those of `ids` that stand before `task` and that nobody else holds, in the order of their ids."""
    return _read(session, _READY, {"task": task, "ids": ids})


def claim_answered(session: Session, versions: Mapping[str, int]) -> list[Run]:
    """Lock the runs whose call is still ours; a late writer with an old version gets nothing."""
    runs = _read(session, _IN_CALL, {"ids": list(versions)})
    return [run for run in runs if run.version == versions[run.id]]


def lock(session: Session, ids: Sequence[str]) -> list[Run]:
    """Lock these runs wherever they stand: for commands and for the sweep."""
    return _read(session, _ANY, {"ids": ids})


def _read(session: Session, statement: Any, parameters: dict[str, Any]) -> list[Run]:
    parameters["ids"] = list(filter(is_id, parameters["ids"]))  # a forged one must not hurt those beside it
    rows = session.execute(statement, parameters).all()
    known = plans.load(session, {row.plan_id for row in rows})
    return [_run(row, known) for row in rows]


def _run(row: Any, known: Mapping[str, Plan]) -> Run:
    id, plan_id, step, direction, version, attempt, subject, given, error, cancel, nudged, late, expired = row
    plan = known[plan_id]
    return Run(
        id, plan, step, direction, version, attempt, subject, given, error, cancel, nudged, bool(late), bool(expired)
    )
