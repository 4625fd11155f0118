"""Invariants of imports: every line was processed once, and no page of an upload outlives its job."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import String, cast, func, select
from sqlalchemy.orm import Session

from doctor.checks import invariant
from engine.states import ENDED, State
from engine.tables import RunRow
from shop.import_export.imports import ImportPageRow, ImportRow


@invariant("I9", "an import that succeeded has looked at every line, and one that ended keeps none")
def imports_are_through(session: Session) -> Iterator[str]:
    pages = select(func.count()).where(ImportPageRow.import_id == ImportRow.id).scalar_subquery()
    runs = (RunRow.workflow == "import_catalogue") & (RunRow.subject_id == cast(ImportRow.id, String))
    ended = (
        select(ImportRow.id, ImportRow.done, ImportRow.lines, RunRow.state, pages)
        .join(RunRow, runs)
        .where(RunRow.state.in_(ENDED))
    )
    for id, done, lines, state, left in session.execute(ended):
        if state == State.SUCCEEDED and done != lines:
            yield f"import {id} succeeded, but looked at {done} of {lines} lines"
        if left:
            yield f"import {id} is {state} and still keeps {left} pages"
