"""Everything Celery and the clock do, done by hand: messages are lost, doubled and reordered as a test likes."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from sqlalchemy import func, select, update

import db
import engine
from db.functions import read_clock
from engine import State, Workflow, jobs
from engine.backlog_probe import probe
from engine.dispatch import ChainPosition
from engine.jobs import Job
from engine.steps import step_tasks
from engine.sweep import sweep
from engine.tables import JournalRow, RunRow
from engine.work import work
from tests.engine import clock
from tests.engine.parcels import effects, send_parcel
from tests.sandboxes import wait_until


@dataclass(frozen=True)
class Message:
    """A wave under way: the chain of tasks it still has to go through, and its ids."""

    tasks: tuple[str, ...]
    ids: tuple[str, ...]
    redelivered: bool = False
    suspect: bool = False

    @property
    def task(self) -> str:
        return self.tasks[0]


@dataclass
class Driver:
    kind: str
    mail: list[Message] = field(default_factory=list)
    sent: list[Message] = field(default_factory=list)  # by the flusher and the sweep; tails are not in it
    probes: list[tuple[str, datetime]] = field(default_factory=list)
    broken: bool = False

    # --- what the engine sends with ---

    def send(self, _: object, place: ChainPosition, ids: Sequence[str], *, suspect: bool = False) -> None:
        if self.broken:
            raise ConnectionRefusedError("no broker")
        message = Message(tuple(place.plan.tail(place.step, place.direction)), tuple(ids), suspect=suspect)
        self.sent.append(message)
        self.mail.append(message)

    def send_probe(self, queue: str, at: datetime) -> None:
        if self.broken:
            raise ConnectionRefusedError("no broker")
        self.probes.append((queue, at))

    # --- runs ---

    def start(self, subject: str = "p1", *, key: str | None = None, workflow: Workflow = send_parcel) -> str:
        return self.start_wave(subject, key=key, workflow=workflow)[0]

    def start_wave(self, *subjects: str, key: str | None = None, workflow: Workflow = send_parcel) -> list[str]:
        """Started in one transaction, so that they travel together."""
        with db.transaction() as session:
            return [
                engine.start(session, workflow, key=key or subject, subject=("parcel", subject)).id
                for subject in subjects
            ]

    def ask(self, command: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        with db.transaction() as session:
            return command(session, *args, **kwargs)

    # --- messages ---

    def deliver(self, message: Message | None = None, *, redelivered: bool = False) -> Message | None:
        """One message, by default the oldest. Its tail, if it has one, is under way afterwards."""
        message = message or self.mail.pop(0)
        chain = list(reversed(message.tasks[1:])) or None
        stub = SimpleNamespace(
            request=SimpleNamespace(
                id="a message", chain=chain, delivery_info={"redelivered": redelivered or message.redelivered}
            )
        )
        work(stub, step_tasks[message.task], list(message.ids), suspect=message.suspect)
        if not stub.request.chain:
            return None
        tail = Message(tuple(reversed(stub.request.chain)), message.ids)
        self.mail.append(tail)
        return tail

    def drain(self) -> None:
        while self.mail:
            self.deliver()

    def lose_all(self) -> None:
        self.mail.clear()

    # --- time ---

    def pass_time(self, seconds: float) -> None:
        with db.transaction() as session:
            clock.pass_time(session, seconds)

    def sweep_after(self, seconds: float) -> int:
        self.pass_time(seconds)
        return sweep()

    def return_probes(self) -> None:
        """Every probe comes out of its queue, with all that was sent before it."""
        for queue, at in self.probes:
            probe(queue, at.isoformat())
        self.probes.clear()

    def finish(self, *ids: str, rounds: int = 70) -> None:
        """Deliver and let time pass, minutes first and then hours, until these runs are final, or never will be."""
        for turn in range(rounds):
            self.drain()
            if all(self.job(id).final for id in ids):
                return
            self.sweep_after(210 if turn < 8 else 3700)
            self.return_probes()
        raise AssertionError(f"not final: {[self.job(id) for id in ids if not self.job(id).final]}")

    # --- what there is to see ---

    def job(self, id: str) -> Job:
        with db.reading() as session:
            found = jobs.get(session, id)
        assert found is not None
        return found

    def status(self, id: str) -> str:
        return self.job(id).status

    def journal(self, id: str) -> list[tuple[str, str, str, int]]:
        """(step, direction, status, attempts) of everything begun."""
        return [(s.name, s.direction, s.status, s.attempts) for s in self.job(id).steps if s.status != "pending"]

    def row(self, id: str) -> RunRow:
        with db.reading() as session:
            return session.get_one(RunRow, id)

    def state_of_everything(self) -> list[str]:
        """All rows of both tables, for tests that say nothing at all has changed."""
        with db.reading() as session:
            return [
                json.dumps(
                    [list(row) for row in session.execute(select(table).order_by(*table.primary_key))], default=str
                )
                for table in (RunRow.__table__, JournalRow.__table__)
            ]

    def effects(self, id: str) -> list[str]:
        """The steps whose effect is in the database, in the order in which they were written."""
        with db.reading() as session:
            return list(session.scalars(select(effects.c.step).where(effects.c.run == id).order_by(effects.c.id)))

    def count(self, step: str) -> int:
        with db.reading() as session:
            return session.scalar(select(func.count()).select_from(effects).where(effects.c.step == step)) or 0

    def due_in(self, id: str) -> float:
        """Seconds until the sweep looks at it."""
        with db.reading() as session:
            at = self.row(id).due_at
            assert at is not None
            return (at - read_clock(session)).total_seconds()

    def change(self, id: str, **values: Any) -> None:
        with db.transaction() as session:
            session.execute(update(RunRow).where(RunRow.id == id).values(**values))

    def wait_for(self, id: str, state: State | str) -> None:
        wait_until(lambda: self.status(id) == state, what=f"{id} to be {state}")
