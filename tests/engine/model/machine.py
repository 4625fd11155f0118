"""The rules: whatever customers, operators, the broker, workers and time can do to runs, in any order."""

from __future__ import annotations

import sys
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, multiple, precondition, rule

import engine
from engine.crash import POINTS
from tests.engine.model.calls import SlowAnswer
from tests.engine.model.ending import end
from tests.engine.model.story import Story, stories
from tests.engine.model.world import Letter, Order, World

runs = Bundle("run")
a_while = st.sampled_from((6, 11, 31, 301, 3601, 3, 1))  # around the engine's own patience and leases
letters = st.runner().flatmap(lambda told: st.sampled_from(told.world.letters()))
slow_answers = st.runner().flatmap(lambda told: st.sampled_from(told.world.calls.late))
some_mail = precondition(lambda told: told.world.driver.mail)
some_probe = precondition(lambda told: told.world.driver.probes)
some_slow_answer = precondition(lambda told: told.world.calls.late)


class ToldBy(RuleBasedStateMachine):
    """One story. `run_0` and so on are its runs, `<label: run_0, run_1>` is a message for both of them."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world, self.driver = world, world.driver
        world.begin()

    # --- customers and operators ---

    @initialize(target=runs, stories=st.lists(stories, min_size=1, max_size=3))
    def accept_wave(self, stories: list[Story]) -> Any:
        return multiple(*self.world.accept(stories))

    @precondition(lambda told: len(told.world.orders) < 4)
    @rule(target=runs, story=stories)
    def accept(self, story: Story) -> Order:
        return self.world.accept([story])[0]

    @rule(run=runs)
    def cancel(self, run: Order) -> None:
        self.world.ask(engine.cancel, run.id)

    @rule(run=runs)
    def wake(self, run: Order) -> None:
        self.world.ask(engine.wake, [run.id])

    @rule(run=runs)
    def give_back(self, run: Order) -> None:
        self.world.help(run, engine.give_back, by="ada")

    @rule(run=runs)
    def retry(self, run: Order) -> None:
        self.world.help(run, engine.retry, by="ada")

    @rule(run=runs)
    def skip(self, run: Order) -> None:
        self.world.help(run, engine.skip, by="ada", note="by hand")

    # --- messages ---

    @some_mail
    @rule(letter=letters)
    def deliver(self, letter: Letter) -> None:
        self.world.deliver(self.world.take(letter))

    @some_mail
    @rule(number=st.integers(1, 5))
    def deliver_the_oldest(self, number: int) -> None:
        for _ in range(number):
            if self.driver.mail:
                self.world.deliver(self.driver.mail.pop(0))

    @some_mail
    @rule(letter=letters)
    def deliver_twice(self, letter: Letter) -> None:
        message = self.world.take(letter)
        self.world.deliver(message)
        self.world.deliver(message)

    @some_mail
    @rule(letter=letters)
    def lose(self, letter: Letter) -> None:
        self.world.take(letter)

    @some_mail
    @rule(letter=letters, point=st.sampled_from(POINTS))
    def deliver_and_die(self, letter: Letter, point: str) -> None:
        self.world.deliver(self.world.take(letter), dies_at=point)

    @rule(broken=st.booleans())
    def break_the_broker(self, broken: bool) -> None:
        self.driver.broken = broken

    # --- the outside ---

    @some_slow_answer
    @rule(answer=slow_answers)
    def slow_answer_comes(self, answer: SlowAnswer) -> None:
        self.world.answer(answer)

    @some_slow_answer
    @rule(answer=slow_answers)
    def its_worker_dies(self, answer: SlowAnswer) -> None:
        self.world.calls.late.remove(answer)

    # --- time ---

    @rule(seconds=a_while)
    def time_passes(self, seconds: int) -> None:
        self.driver.pass_time(seconds)

    @rule()
    def sweep(self) -> None:
        self.world.sweep()

    @rule(seconds=a_while)
    def sweep_after(self, seconds: int) -> None:
        self.driver.pass_time(seconds)
        self.world.sweep()

    @some_probe
    @rule()
    def probes_return(self) -> None:
        self.driver.return_probes()

    @some_probe
    @rule()
    def lose_probes(self) -> None:
        self.driver.probes.clear()

    # --- at last; what must hold always is looked at by `world` after whatever it does ---

    def teardown(self) -> None:
        if sys.exc_info()[0] is None:  # not a story that has failed already
            end(self.world)
