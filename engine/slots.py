"""Slots of periodic tasks: one row for each task and due time, so that it begins once (P11)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import String, and_, delete, func, or_, select, update
from sqlalchemy.orm import Mapped, Session, aliased, mapped_column

from db.functions import in_seconds, statement_time
from db.schema import At, Base, Document, Id
from db.statements import upsert
from engine.states import ENDED, FINAL
from engine.tables import RunRow

KEEP_DAYS = 7


class SlotState(StrEnum):
    NOTED = "noted"  # the clock saw this task for the first time: it begins with the slot after
    BEGUN = "begun"  # its run is under way
    DONE = "done"
    FAILED = "failed"  # tried for as long as its step allows


class SlotRow(Base):
    """One slot. `slot` is the time it was due, `at` when the clock saw it, which is later by its lateness.

    `asked_by`: the operator who ran the task by hand; `slot` is then the moment of that, and no time of the schedule.
    """

    __tablename__ = "periodic_slots"

    task: Mapped[str] = mapped_column(String(80), primary_key=True)
    slot: Mapped[At] = mapped_column(primary_key=True)
    state: Mapped[str] = mapped_column(String(20))
    at: Mapped[At]
    finished_at: Mapped[At | None]
    run_id: Mapped[Id | None]
    asked_by: Mapped[Id | None]
    error: Mapped[Document | None]


class Slot(NamedTuple):
    task: str
    slot: datetime

    @property
    def key(self) -> str:
        return f"{self.task}@{self.slot.isoformat()}"


def take(session: Session, slot: Slot, state: SlotState, asked_by: str | None = None) -> bool:
    """Insert the slot; return whether this transaction did.

    Of two that insert the same slot, the second waits for the first to commit and gets False.
    """
    row = {**slot._asdict(), "state": state, "at": statement_time(), "asked_by": asked_by}
    taken = upsert(session, SlotRow).values(row).on_conflict_do_nothing().returning(SlotRow.task)
    return session.scalar(taken) is not None


def carry(session: Session, slot: Slot, run_id: str) -> None:
    """Note the run that carries this slot out."""
    session.execute(update(SlotRow).where(*_this(slot)).values(run_id=run_id))


def finish(session: Session, runs: Sequence[str], state: SlotState, error: dict[str, Any] | None = None) -> None:
    """Set state and error of the slots that these runs carried out."""
    ending = update(SlotRow).where(SlotRow.run_id.in_(runs))
    session.execute(ending.values(state=state, finished_at=statement_time(), error=error))


def newest(session: Session) -> dict[str, datetime]:
    """Return the newest slot of each task by the schedule; slots of tasks run by hand do not count."""
    last = func.max(SlotRow.slot, type_=SlotRow.slot.type)
    seen = select(SlotRow.task, last).where(SlotRow.asked_by.is_(None)).group_by(SlotRow.task)
    return dict(session.execute(seen).all())


def last(session: Session) -> dict[str, SlotRow]:
    """Return of each task the slot that began last, by the schedule or by hand. A task that never began is left out."""
    began = select(SlotRow.task, func.max(SlotRow.at, type_=SlotRow.at.type).label("at"))
    newest = began.where(SlotRow.state != SlotState.NOTED).group_by(SlotRow.task).subquery()
    rows = select(SlotRow).join(newest, and_(SlotRow.task == newest.c.task, SlotRow.at == newest.c.at))
    return {row.task: row for row in session.scalars(rows.where(SlotRow.state != SlotState.NOTED))}


def busy(session: Session) -> set[str]:
    """Return the tasks of which a run is under way; one that needs attention is not."""
    live = select(SlotRow.task).join(RunRow, RunRow.id == SlotRow.run_id).where(RunRow.state.not_in(FINAL))
    return set(session.scalars(live.where(SlotRow.state == SlotState.BEGUN)))


def prune(session: Session, batch: int = 1000) -> int:
    """Delete one batch of slots that the clock saw more than KEEP_DAYS ago. Returns how many.

    The newest slot of each task stays: for a task without a slot the clock only notes the next one.
    """
    other = aliased(SlotRow)
    newest = select(func.max(other.slot)).where(other.task == SlotRow.task, other.asked_by.is_(None)).scalar_subquery()
    old = (SlotRow.at < in_seconds(-86400.0 * KEEP_DAYS), SlotRow.state != SlotState.BEGUN, SlotRow.slot < newest)
    rows = session.execute(select(SlotRow.task, SlotRow.slot).where(*old).limit(batch)).all()
    for row in rows:
        session.execute(delete(SlotRow).where(*_this(Slot(*row))))
    return len(rows)


def forget_after(session: Session, task: str, at: datetime) -> int:
    """Delete this task's slots after `at`, with the runs that carried them out. Returns how many slots.

    A slot whose run has not ended stays, and so does one begun by hand.
    """
    ended = or_(SlotRow.run_id.is_(None), SlotRow.run_id.in_(select(RunRow.id).where(RunRow.state.in_(ENDED))))
    ahead = (SlotRow.task == task, SlotRow.slot > at, SlotRow.asked_by.is_(None), ended)
    gone = session.scalars(delete(SlotRow).where(*ahead).returning(SlotRow.run_id)).all()
    session.execute(delete(RunRow).where(RunRow.id.in_([id for id in gone if id])))
    return len(gone)


def _this(slot: Slot) -> tuple[Any, Any]:
    return SlotRow.task == slot.task, SlotRow.slot == slot.slot
