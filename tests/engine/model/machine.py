"""The rules: whatever customers, operators, the broker, workers and time can do to runs, in any order."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, multiple, precondition, rule

from engine.crash import POINTS
from engine.limits import LEASE
from tests.engine.model.calls import SlowAnswer
from tests.engine.model.ending import end
from tests.engine.model.story import Story, stories
from tests.engine.model.world import Letter, Order, World

runs = Bundle("run")
a_while = st.sampled_from((6, 11, 31, 301, 3601, 3, 1))  # around the engine's own patience and leases
letters = st.runner().flatmap(lambda told: st.sampled_from(told.world.letters()))
slow_answers = st.runner().flatmap(lambda told: st.sampled_from(told.world.calls.late))
few_runs = precondition(lambda told: len(told.world.orders) < 3)
few_wishes = precondition(lambda told: told.wishes < 3)  # more would turn back all before they have seen much
some_mail = precondition(lambda told: told.world.driver.mail)
some_probe = precondition(lambda told: told.world.driver.probes)
some_slow_answer = precondition(lambda told: told.world.calls.late)


class ToldBy(RuleBasedStateMachine):
    """One story. `run_0` and so on are its runs, `<label: run_0, run_1>` is a message for both of them."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world, self.driver = world, world.driver
        self.wishes = 0
        world.begin()

    # --- customers and operators ---

    @initialize(target=runs, stories=st.lists(stories, min_size=1, max_size=2))
    def accept_wave(self, stories: list[Story]) -> Any:
        return multiple(*self.world.accept(stories))

    @few_runs
    @rule(target=runs, story=stories, broker=st.sampled_from((True, True, False)))
    def accept(self, story: Story, broker: bool) -> Order:
        with nullcontext() if broker else self.world.no_broker():
            return self.world.accept([story])[0]

    @few_wishes
    @rule(run=runs, wish=st.sampled_from(("cancel", "wake", "give_back", "retry", "skip")))
    def ask(self, wish: str, run: Order) -> None:
        self.wishes += 1
        self.world.ask(wish, run)

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

    @some_mail
    @rule(letter=letters, patience=st.integers(0, 1))
    def deliver_while_the_outside_is_slow(self, letter: Letter, patience: int) -> None:
        """The wave waits for so many of its calls, and goes on without the others: they may answer later, or never."""
        message = self.world.take(letter)
        self.world.deliver(message, patience=min(patience, len(message.ids) - 1))

    # --- the outside ---

    @some_slow_answer
    @rule(answer=slow_answers)
    def slow_answer_comes(self, answer: SlowAnswer) -> None:
        self.world.answer(answer)

    @some_slow_answer
    @rule(answer=slow_answers)
    def call_is_taken_over(self, answer: SlowAnswer) -> None:
        """Its lease is over: the run is sent again, to a worker that gets no answer at once either."""
        self.driver.pass_time(LEASE + 1)
        self.world.sweep()
        for message in [one for one in self.driver.mail if one.task == answer.step.name]:
            self.world.deliver(message, patience=0)

    # --- time ---

    @rule(seconds=a_while, then=st.sampled_from(("probe and sweep", "sweep", "sweep without a broker", "nothing")))
    def time_passes(self, seconds: int, then: str) -> None:
        self.driver.pass_time(seconds)
        if then == "sweep without a broker":
            with self.world.no_broker():
                self.world.sweep()
        elif then != "nothing":
            self.world.sweep()
        if then == "probe and sweep":  # once the queues have said what they no longer hold
            self.driver.return_probes()
            self.world.sweep()

    @some_probe
    @rule(lost=st.booleans())
    def probes_return(self, lost: bool) -> None:
        if lost:
            self.driver.probes.clear()
        self.driver.return_probes()

    # --- at last; what must hold always is looked at by `world` after whatever it does ---

    def teardown(self) -> None:
        if sys.exc_info()[0] is None:  # not a story that has failed already
            end(self.world)
