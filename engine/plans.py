"""Plans in the database. A process keeps those it has read in memory: a stored plan never changes."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from db import at_commit
from db.statements import upsert
from engine.plan import Plan, as_document, from_document
from engine.tables import PlanRow

_known: dict[str, Plan] = {}
_stored: set[str] = set()  # ids whose INSERT this process has seen committed


def store(session: Session, plan: Plan) -> None:
    """Insert the plan unless it is stored: a run's row refers to it."""
    if plan.id in _stored:
        return
    values = {"id": plan.id, "workflow": plan.workflow, "steps": as_document(plan.steps), "on_failed": plan.on_failed}
    session.execute(upsert(session, PlanRow).values(values).on_conflict_do_nothing())
    _known[plan.id] = plan
    at_commit(session, _stored.update, [plan.id])


def load(session: Session, ids: Iterable[str]) -> dict[str, Plan]:
    """Read the plans with these ids into memory. Returns all plans that this process knows, by id."""
    missing = set(ids) - _known.keys()
    if missing:
        for row in session.scalars(select(PlanRow).where(PlanRow.id.in_(missing))):
            _known[row.id] = from_document(row.id, row.workflow, row.steps, row.on_failed)
    return _known


def known(id: str) -> Plan:
    """Return a plan from memory. Raises KeyError unless `load` or `store` was called with it before."""
    return _known[id]


def forget() -> None:
    """Empty the memory, for tests that change the database under a living process."""
    _known.clear()
    _stored.clear()
