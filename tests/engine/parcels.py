"""A workflow of the tests' own: a parcel is packed, labelled by a carrier, handed over, and its owner is told.

What every step does is said beforehand, parcel by parcel, in `script`; what came of it stands in the table
`parcel_effects` (ours) and in `carrier` (the outside).
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import Column, Integer, MetaData, String, Table, insert
from sqlalchemy.orm import Session

from engine import Answer, Done, Result, Retry, Run, Step, Workflow, local_step, on_failed, remote_step
from engine.outcomes import Outcome

metadata = MetaData()

effects = Table(
    "parcel_effects",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("step", String(20), nullable=False),
    Column("run", String(36), nullable=False),
)


class Raise(NamedTuple):
    """Said of a local step: raise this instead of answering with it."""

    error: Exception


class Call(NamedTuple):
    step: str
    parcel: str
    key: str


@dataclass
class Script:
    """`say("label", "p1", Unknown("lost"), None)`: what the step does the first and the second time."""

    once: dict[tuple[str, str], deque[Any]] = field(default_factory=dict)
    ever: dict[tuple[str, str], Any] = field(default_factory=dict)
    visits: Counter[tuple[str, str]] = field(default_factory=Counter)
    calls: list[Call] = field(default_factory=list)

    def say(self, step: str, parcel: str, *lines: Any) -> None:
        self.once.setdefault((step, parcel), deque()).extend(lines)

    def always(self, step: str, parcel: str, line: Any) -> None:
        self.ever[step, parcel] = line

    def next(self, step: str, parcel: str) -> Any:
        """The line that is due; a function is called first, and may itself give the line."""
        self.visits[step, parcel] += 1
        waiting = self.once.get((step, parcel))
        line = waiting.popleft() if waiting else self.ever.get((step, parcel))
        return line() if callable(line) else line

    def keys(self, step: str, parcel: str) -> list[str]:
        return [call.key for call in self.calls if (call.step, call.parcel) == (step, parcel)]

    def clear(self) -> None:
        self.once, self.ever, self.visits, self.calls = {}, {}, Counter(), []


@dataclass
class Carrier:
    """The outside: does what it is asked once for each key, and counts how many ask at the same time."""

    acted: Counter[str] = field(default_factory=Counter)
    inside: int = 0
    most_inside: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def enter(self, by: int) -> None:
        with self._lock:
            self.inside += by
            self.most_inside = max(self.most_inside, self.inside)

    def act(self, key: str) -> None:
        with self._lock:
            self.acted[key] = 1


script = Script()
carrier = Carrier()


def clear() -> None:
    script.clear()
    carrier.acted.clear()
    carrier.most_inside = 0


# --- what steps are made of ----------------------------------------------------------------------


def _note(session: Session, step: str, runs: Sequence[Run]) -> None:
    if runs:
        session.execute(insert(effects), [{"step": step, "run": run.id} for run in runs])


def _local(step: str, session: Session, runs: Sequence[Run]) -> Mapping[str, Result]:
    """The effect is written first, so that only a rollback can take it back."""
    lines = {run.id: script.next(step, run.subject_id) for run in runs}
    _note(session, step, [run for run in runs if not isinstance(lines[run.id], Outcome)])
    for line in lines.values():
        if isinstance(line, Raise):
            raise line.error
    return {id: Done(line) if isinstance(line, dict) else line for id, line in lines.items() if line is not None}


def _fetching(step: str) -> Callable[[Session, Sequence[Run]], Mapping[str, Any]]:
    """Scripted as `fetch:label`: an exception is raised, `False` means there is nothing to do."""

    def fetch(session: Session, runs: Sequence[Run]) -> Mapping[str, Any]:
        requests: dict[str, Any] = {run.id: run.subject_id for run in runs}
        for run in runs:
            line = script.next(f"fetch:{step}", run.subject_id)
            if isinstance(line, Raise):
                raise line.error
            if line is False:
                del requests[run.id]
            elif line is not None:
                requests[run.id] = line
        return requests

    return fetch


def _remembering(step: str) -> Callable[[Session, Sequence[Answer]], None]:
    def remember(session: Session, answers: Sequence[Answer]) -> None:
        _note(session, step, [a.run for a in answers if isinstance(a.result, Done)])
        for answer in answers:
            line = script.next(f"remember:{step}", answer.run.subject_id)
            if isinstance(line, Exception):
                raise line

    return remember


def _call(step: str, parcel: str, key: str) -> dict[str, Any] | None:
    """Refused and TryAgain come before the carrier acts, Unknown and anything unnamed after."""
    script.calls.append(Call(step, parcel, key))
    carrier.enter(+1)
    try:
        line = script.next(step, parcel)
        if isinstance(line, Exception) and type(line).__name__ in ("Refused", "TryAgain", "Wait"):
            raise line
        carrier.act(key)
        if isinstance(line, Exception):
            raise line
        return line if isinstance(line, dict) else None
    finally:
        carrier.enter(-1)


# --- the steps, do and undo side by side ----------------------------------------------------------


@local_step("parcels.pack")
def pack(session: Session, runs: Sequence[Run]) -> Mapping[str, Result]:
    return _local("pack", session, runs)


@local_step("parcels.unpack")
def unpack(session: Session, runs: Sequence[Run]) -> Mapping[str, Result]:
    return _local("unpack", session, runs)


@remote_step(
    "parcels.label",
    fetch=_fetching("label"),
    remember=_remembering("label"),
    retry=Retry(seconds=7000.0, first=50.0, most=200.0),
    patience=0.3,
    gateway=lambda parcel: "carrier",
)
def label(parcel: str, key: str) -> dict[str, Any] | None:
    return _call("label", parcel, key)


@remote_step(
    "parcels.unlabel", fetch=_fetching("unlabel"), remember=_remembering("unlabel"), gateway="carrier", unsent={}
)
def unlabel(parcel: str, key: str) -> dict[str, Any] | None:
    return _call("unlabel", parcel, key)


@local_step("parcels.hand_over")
def hand_over(session: Session, runs: Sequence[Run]) -> Mapping[str, Result]:
    return _local("hand_over", session, runs)


@remote_step("parcels.tell", fetch=_fetching("tell"), remember=_remembering("tell"), retry=Retry(seconds=7000.0))
def tell(parcel: str, key: str) -> dict[str, Any] | None:
    return _call("tell", parcel, key)


@on_failed("parcels.returned")
def returned(session: Session, runs: Sequence[Run]) -> None:
    _local("returned", session, runs)


send_parcel = Workflow(
    "send_parcel",
    Step("pack", do=pack, undo=unpack),
    Step("label", do=label, undo=unlabel),
    Step("hand_over", do=hand_over, pivot=True),
    Step("tell", do=tell),
    on_failed=returned,
)
