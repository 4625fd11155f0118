"""Everything around the engine, in the hands of a story: customers, the broker, workers, the carrier and the clock."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

import pytest

import engine
from engine import NotPossible, crash
from engine.dispatch import ChainPosition
from engine.limits import WAVE
from engine.sweep import sweep
from tests.engine.conftest import empty
from tests.engine.driver import Driver, Message
from tests.engine.model.calls import Calls, SlowAnswer
from tests.engine.model.clock import HeldClock
from tests.engine.model.death import Death, Died
from tests.engine.model.story import Story, tell
from tests.engine.model.watch import Watch

WISHES: Mapping[str, Any] = {name: getattr(engine, name) for name in ("cancel", "wake", "give_back", "retry", "skip")}
HELP = {"give_back": {"by": "ada"}, "retry": {"by": "ada"}, "skip": {"by": "ada", "note": "by hand"}}


@dataclass(frozen=True)
class Order:
    """A run that was accepted, under the name it has in the story."""

    name: str
    id: str


class Letter:
    """A message as it is shown in a story."""

    def __init__(self, message: Message, runs: Sequence[str]) -> None:
        self.message, self._runs = message, runs

    def __repr__(self) -> str:
        again = " again" if self.message.redelivered else ""
        return f"<{self.message.task.partition('.')[2]}{again}: {', '.join(self._runs)}>"


class World:
    def __init__(self, driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
        self.driver, self.clock = driver, HeldClock(driver.kind)
        self.death, self.calls = Death(monkeypatch), Calls(monkeypatch)
        monkeypatch.setattr(driver, "pass_time", self.clock.pass_time)
        monkeypatch.setattr(engine.dispatch, "send", self._send)
        self.begin()

    def begin(self) -> None:
        """A story of its own begins, in a world with nothing in it."""
        empty()
        self.orders: list[Order] = []
        self.delivered: list[Message] = []
        self.driver.mail.clear()
        self.driver.probes.clear()
        self.driver.broken = False
        self.calls.late.clear()
        self.watch = Watch(self.calls)

    # --- customers and operators ---

    def accept(self, stories: Sequence[Story]) -> list[Order]:
        """Accepted in one transaction, so that they travel as a wave."""
        names = [f"run_{len(self.orders) + n}" for n in range(len(stories))]
        for name, story in zip(names, stories, strict=True):
            tell(name, story)
        ids = self.driver.start_wave(*names)
        orders = [Order(name, id) for name, id in zip(names, ids, strict=True)]
        self.orders += orders
        self.watch.names.update({order.id: order.name for order in orders})
        self.watch.look()
        return orders

    def ask(self, wish: str, order: Order) -> None:
        """It may be impossible; an `on_failed` that breaks takes the wish back as well."""
        self.watch.helped = order.id if wish in HELP else None
        with suppress(NotPossible, ValueError):
            self.driver.ask(WISHES[wish], [order.id] if wish == "wake" else order.id, **HELP.get(wish, {}))
        self.watch.look()

    # --- the broker and the workers ---

    @contextmanager
    def no_broker(self) -> Iterator[None]:
        self.driver.broken = True
        yield
        self.driver.broken = False

    def letters(self) -> list[Letter]:
        return [Letter(message, [self.watch.names[id] for id in message.ids]) for message in self.driver.mail]

    def take(self, letter: Letter) -> Message:
        self.driver.mail.remove(letter.message)
        return letter.message

    def deliver(self, message: Message, *, dies_at: str | None = None, patience: int = WAVE) -> None:
        """One message to one worker. If that dies, the broker still has the message, and has what left before."""
        self.delivered.append(message)
        self.calls.patience = patience
        waiting = list(self.calls.late)
        try:
            with self.death.at(dies_at):
                self.driver.deliver(message)
                crash.at("after_publish", message.task)
        except Died:
            self.calls.late[:] = waiting  # its own calls ended with it
            self.driver.mail.append(replace(message, redelivered=True))
        self.watch.look()

    def sweep(self) -> None:
        """Nothing is taken from a worker whose lease still runs."""
        leased = {id: was for id, was in self.watch.now.items() if was.leased(self.clock.moment)}
        with suppress(ConnectionRefusedError):
            sweep()
        self.watch.look()
        assert {id: self.watch.now[id] for id in leased} == leased, "swept under a worker's hands"

    def answer(self, slow: SlowAnswer) -> None:
        """It comes at last. Nobody may believe it if somebody else has taken the call over meanwhile."""
        self.calls.late.remove(slow)
        ours = self.watch.holds(slow)
        before = self.watch.now
        slow.record()
        self.watch.look()
        assert ours or self.watch.now == before, f"{slow.pending.run.name} was recorded by a worker too late for it"

    def _send(self, producer: object, place: ChainPosition, ids: Sequence[str], *, suspect: bool = False) -> None:
        self.death.stay_dead()
        self.watch.leaving(place, ids)
        self.driver.send(producer, place, ids, suspect=suspect)

    def state(self) -> list[str]:
        return self.driver.state_of_everything()
