"""What must be true at every moment, however badly the story goes."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import select

import db
from db.statements import execute_core, table_of
from engine import ENDED, FINAL, Direction, Hold, Mark, State
from engine.dispatch import ChainPosition
from engine.remote import Pending
from engine.steps import StepTask
from engine.tables import JournalRow, RunRow
from tests.engine.model.calls import Calls, SlowAnswer
from tests.engine.parcels import effects, script

EDGES: Mapping[str, tuple[str, ...]] = {
    "queued": ("running", "waiting", "compensating", "failed", "needs_attention"),
    "running": ("waiting", "compensating", "succeeded", "failed", "needs_attention"),
    "waiting": ("running", "compensating", "succeeded", "needs_attention"),
    "compensating": ("failed", "needs_attention"),
    "needs_attention": (),  # unless somebody helps
    "succeeded": (),
    "failed": (),
}
_RUNS = select(table_of(RunRow))
_JOURNAL = select(table_of(JournalRow)).order_by("run_id", "step", "direction")
_EFFECTS = select(effects.c.run, effects.c.step)
HELPED = ("running", "compensating", "succeeded", "failed")


class Standing(NamedTuple):
    """A run and its journal, as they stand in the database."""

    run: Mapping[str, Any]
    journal: Sequence[Mapping[str, Any]]

    @property
    def place(self) -> tuple[Any, ...]:
        return tuple(self.run[column] for column in ("state", "direction", "step", "hold", "task"))

    def held_by(self, pending: Pending) -> bool:
        return self.run["hold"] == Hold.CALL and self.run["version"] == pending.version

    def leased(self, now: datetime) -> bool:
        return self.run["hold"] == Hold.CALL and self.run["lease_until"] > now


class Watch:
    def __init__(self, calls: Calls) -> None:
        self.names: dict[str, str] = {}
        self.now: dict[str, Standing] = {}
        self.helped: str | None = None  # the run that an operator is just about to help
        self._calls = calls
        calls.look = self._calling
        self._too_early: list[str] = []

    def look(self) -> None:
        """Compare with what there was at the last look."""
        before, self.now = self.now, _standings()
        for id, standing in self.now.items():
            self._is_sound(self.names[id], standing)
            if id in before:
                self._moved(self.names[id], before[id], standing, helped=id == self.helped)
        self.helped = None
        assert before.keys() <= self.now.keys(), "a run is gone"
        assert not self._too_early, f"left the house before its commit: {self._too_early}"
        self._nothing_twice()

    def leaving(self, place: ChainPosition, ids: Sequence[str]) -> None:
        """A message leaves: what it stands on must be in the database, for all to see. Told at the next look."""
        there = _standings()
        wanted = (place.step, place.direction, Hold.NONE)
        for id in ids:
            found = there[id].run if id in there else {}
            if (found.get("step"), found.get("direction"), found.get("hold")) != wanted:
                self._too_early.append(f"{place.plan.task(place.step, place.direction)} for {self.names.get(id, id)}")

    def _calling(self, step: StepTask, pending: Pending) -> None:
        """The outside is about to be asked: that this was going to be must be in the database already."""
        run, standing = pending.run, _standings()[pending.run.id]
        marks = {
            row["state"] for row in standing.journal if (row["step"], row["direction"]) == (run.step, run.direction)
        }
        if marks != {Mark.BEGUN} or not standing.held_by(pending):
            self._too_early.append(f"{step.name} for {self.names[run.id]}")

    def holds(self, slow: SlowAnswer) -> bool:
        """Whether the run is still in the hands of the worker that waits for this answer."""
        return self.now[slow.pending.run.id].held_by(slow.pending)

    # --- each run ---

    def _is_sound(self, name: str, standing: Standing) -> None:
        run, marks = standing.run, {row["state"] for row in standing.journal}
        final = run["state"] in FINAL
        assert (run["hold"] == Hold.END) == final, f"{name} is {run['state']} and held as {run['hold']}"
        assert (run["due_at"] is None) == final, f"{name} is {run['state']} and due at {run['due_at']}"
        assert run["hold"] != Hold.CALL or run["lease_until"], f"{name} is held for ever"
        assert run["hold"] != Hold.WAIT or run["wait_until"], f"{name} waits for ever"
        assert run["state"] != State.SUCCEEDED or marks <= {Mark.DONE, Mark.SKIPPED}, f"{name} succeeded with {marks}"
        assert run["state"] not in ENDED or not marks & {Mark.BEGUN, Mark.WAITING}, f"{name} ended with an open step"

    def _moved(self, name: str, old: Standing, new: Standing, *, helped: bool) -> None:
        was, now = old.run, new.run
        assert was["state"] not in ENDED or old == new, f"{name} changed after its end"
        if old.place == new.place:
            return
        way = f"{name}: {old.place} -> {new.place}"
        assert now["version"] > was["version"], f"nothing fences off late writers: {way}"
        waits = now["hold"] == Hold.WAIT
        assert not waits or now["updated_at"] < now["wait_until"] >= now["due_at"], f"waits too long: {way}"
        edges = HELPED if helped and was["state"] == State.NEEDS_ATTENTION else EDGES[was["state"]]
        assert now["state"] in (was["state"], *edges), way
        assert _far(was) <= _far(now), way

    # --- all of them ---

    def _nothing_twice(self) -> None:
        with db.reading() as session:
            written = Counter(map(tuple, execute_core(session, _EFFECTS)))
        twice = [f"{step} of {self.names[run]}" for (run, step), times in written.items() if times > 1]
        assert not twice, f"happened twice: {twice}"
        # One key for all attempts; only after a definite no that an operator overrode comes another.
        keys: dict[tuple[str, str], set[str]] = defaultdict(set)
        for call in script.calls:
            keys[call.parcel, call.step].add(call.key)
        again = {self.names[id]: max([0, *(row["refusals"] for row in was.journal)]) for id, was in self.now.items()}
        for (name, step), used in keys.items():
            assert len(used) <= 1 + again[name], f"{step} of {name} was asked for under {used}"
        claims = Counter(slow.pending.run.id for slow in self._calls.late if self.holds(slow))
        assert max(claims.values(), default=1) == 1, f"two workers hold {claims}"


def _far(run: Mapping[str, Any]) -> tuple[bool, int]:
    """How far it has come: forwards first, then back."""
    undo = run["direction"] == Direction.UNDO
    return undo, -run["step"] if undo else run["step"]


def _standings() -> dict[str, Standing]:
    with db.reading() as session:
        runs = execute_core(session, _RUNS).mappings().all()
        rows = execute_core(session, _JOURNAL).mappings().all()
    journals: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        journals[row["run_id"]].append(row)
    return {run["id"]: Standing(run, journals[run["id"]]) for run in runs}
