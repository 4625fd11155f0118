"""Everything around the engine, in the hands of a story: customers, the broker, workers, the carrier and the clock."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import pytest

import engine
from engine import NotPossible, crash
from engine.dispatch import Place
from engine.sweep import sweep
from tests.engine.conftest import empty
from tests.engine.driver import Driver, Message
from tests.engine.model.calls import Calls, SlowAnswer
from tests.engine.model.clock import HeldClock
from tests.engine.model.death import Death, Died
from tests.engine.model.story import Story, tell
from tests.engine.model.watch import Watch


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
            tell(name, story, self.calls.be_slow)
        ids = self.driver.start_wave(*names)
        orders = [Order(name, id) for name, id in zip(names, ids, strict=True)]
        self.orders += orders
        self.watch.names.update({order.id: order.name for order in orders})
        self.watch.look()
        return orders

    def ask(self, command: Any, *args: Any, **kwargs: Any) -> None:
        """It may be impossible; an `on_failed` that breaks takes the command back as well."""
        with suppress(NotPossible, ValueError):
            self.driver.ask(command, *args, **kwargs)
        self.watch.look()

    def help(self, order: Order, command: Any, **kwargs: Any) -> None:
        """An operator's own command, the only thing that moves a run which needs attention."""
        self.watch.helped = order.id
        self.ask(command, order.id, **kwargs)

    # --- the broker and the workers ---

    def letters(self) -> list[Letter]:
        return [Letter(message, [self.watch.names[id] for id in message.ids]) for message in self.driver.mail]

    def take(self, letter: Letter) -> Message:
        self.driver.mail.remove(letter.message)
        return letter.message

    def deliver(self, message: Message, *, dies_at: str | None = None) -> None:
        """One message to one worker. If that dies, the broker still has the message, and has what left before."""
        self.delivered.append(message)
        waiting = list(self.calls.late)
        try:
            with self.death.at(dies_at):
                tail = self.driver.deliver(message)
                if tail and self.driver.broken:
                    self.driver.mail.remove(tail)
                crash.at("after_publish", message.task)
        except Died:
            self.calls.late[:] = waiting  # its own calls ended with it
            self.driver.mail.append(replace(message, redelivered=True))
        self.watch.look()

    def sweep(self) -> None:
        with suppress(ConnectionRefusedError):
            sweep()
        self.watch.look()

    def answer(self, slow: SlowAnswer) -> None:
        """It comes at last. Nobody may believe it if somebody else has taken the call over meanwhile."""
        self.calls.late.remove(slow)
        ours = self.watch.holds(slow)
        before = self.watch.now
        slow.record()
        self.watch.look()
        assert ours or self.watch.now == before, f"{slow.pending.run.name} was recorded by a worker too late for it"

    def _send(self, producer: object, place: Place, ids: Sequence[str]) -> None:
        self.death.stay_dead()
        self.watch.leaving(place, ids)
        self.driver.send(producer, place, ids)

    def state(self) -> list[str]:
        return self.driver.state_of_everything()
