"""Whatever steps answer and however messages come, every run ends and nothing happens twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import count
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import engine
from engine import FINAL, NotPossible, State
from engine.sweep import sweep
from outcomes import Refused, TryAgain, Unknown, Wait
from tests.engine.driver import Driver
from tests.engine.parcels import Raise, carrier, script

LOCAL = ("pack", "hand_over", "unpack")
REMOTE = ("label", "tell", "unlabel", "fetch:label")
DO = ("pack", "label", "hand_over", "tell")
UNDONE_BY = {"pack": "unpack", "label": "unlabel"}
MOVES = (
    "deliver",
    "deliver",
    "deliver",
    "twice",
    "newest",
    "lose",
    "pause",
    "sweep",
    "probes",
    "cancel",
    "wake",
    "back",
)

outcome = st.sampled_from(["done", "done", "refused", "again", "unknown", "wait", "breaks"])
story = st.fixed_dictionaries({}, optional={step: st.lists(outcome, max_size=4) for step in (*LOCAL, *REMOTE)})
move = st.tuples(st.sampled_from(MOVES), st.integers(0, 7))
names = count()


def line(word: str, step: str) -> Any:
    lines: dict[str, Callable[[], Any]] = {
        "done": lambda: None,
        "refused": lambda: Refused("no"),
        "again": lambda: TryAgain("later"),
        "unknown": lambda: Unknown("lost"),
        "wait": lambda: Wait("asleep", seconds=30.0),
        "breaks": lambda: Raise(ValueError("oops")) if step in LOCAL or ":" in step else ValueError("oops"),
    }
    return lines[word]()


def happen(driver: Driver, ids: list[str], kind: str, which: int) -> None:
    id = ids[which % len(ids)]
    try:
        if kind in ("deliver", "twice") and driver.mail:
            message = driver.mail.pop(which % len(driver.mail))
            for _ in range(1 + (kind == "twice")):
                driver.deliver(message)
        elif kind == "newest" and driver.mail:
            driver.deliver(driver.mail.pop())
        elif kind == "lose" and driver.mail:
            driver.mail.pop(which % len(driver.mail))
        elif kind == "pause":
            driver.pass_time((0.5, 3, 6, 12, 31, 61, 300, 3600)[which])
        elif kind == "sweep":
            sweep()
        elif kind == "probes":
            driver.return_probes()
        elif kind == "cancel" and which < 2:
            driver.ask(engine.cancel, id)
        elif kind == "wake":
            driver.ask(engine.wake, [id])
        elif kind == "back" and which == 0:
            driver.ask(engine.give_back, id, by="ada")
    except NotPossible:
        pass


def check(driver: Driver, id: str) -> None:
    job, effects = driver.job(id), driver.effects(id)
    assert job.status in FINAL
    assert max(Counter(effects).values(), default=1) == 1, effects
    assert set(carrier.acted.values()) <= {1}
    for step, parcel in {(call.step, call.parcel) for call in script.calls if call.key.startswith(id)}:
        assert len(set(script.keys(step, parcel))) == 1  # no operator has overridden a refusal here
    begun = [step.name for step in job.steps if (step.direction, step.status) != ("do", "pending")]
    undone = [step.name for step in job.steps if (step.direction, step.status) == ("undo", "done")]
    forward = [step.name for step in job.steps if step.direction == "do" and step.status != "pending"]
    if job.status == State.SUCCEEDED:
        assert forward == list(DO)
        assert [step.status for step in job.steps] == ["done"] * 4
        assert "returned" not in effects
        assert not undone
    elif job.status == State.FAILED:
        assert undone == [step for step in reversed(forward) if step in UNDONE_BY]
        assert effects[-1] == "returned"
        assert "hand_over" not in effects
    else:
        assert job.error is not None
        assert job.error["step"] in begun
        assert "returned" not in effects


@settings(
    derandomize=True,
    database=None,
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(stories=st.lists(story, min_size=1, max_size=3), moves=st.lists(move, max_size=20))
def test_every_run_ends_and_nothing_happens_twice(
    driver: Driver, stories: list[dict[str, list[str]]], moves: list[tuple[str, int]]
) -> None:
    parcels = [f"parcel {next(names)}" for _ in stories]
    for parcel, told in zip(parcels, stories, strict=True):
        for step, words in told.items():
            script.say(step, parcel, *[line(word, step) for word in words])
    ids = driver.start_wave(*parcels[:2])
    ids += [driver.start(parcel) for parcel in parcels[2:]]
    for kind, which in moves:
        happen(driver, ids, kind, which)
    driver.finish(*ids)
    for id in ids:
        check(driver, id)
    driver.lose_all()
    script.clear()
    carrier.acted.clear()
