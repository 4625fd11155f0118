"""What the steps of a run will answer, said beforehand: `["label slow", "label refused"]`. After that all goes well."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import strategies as st

from outcomes import Outcome, Refused, TryAgain, Unknown, Wait
from tests.engine.parcels import Raise, script

Story = Sequence[str]

LOCAL = ("pack", "hand_over", "unpack")
REMOTE = ("label", "tell", "unlabel")
DO = ("pack", "label", "hand_over", "tell")
UNDONE_BY = {"pack": "unpack", "label": "unlabel"}

OUTCOMES: dict[str, Callable[[], Outcome]] = {
    "refused": lambda: Refused("no"),
    "again": lambda: TryAgain("later"),
    "unknown": lambda: Unknown("lost"),
    "wait": lambda: Wait("asleep", seconds=30.0),
}
SLOW = {"slow": None, "slow_no": "refused"}  # done, or refused, but only after the wave has gone on

ANSWERS = ("done", *OUTCOMES, "breaks")
LINES = [
    *[f"{step} {word}" for step in REMOTE for word in (*ANSWERS, *SLOW)],
    *[f"{step} {word}" for step in LOCAL for word in ANSWERS],
    *[f"fetch:{step} {word}" for step in REMOTE for word in ANSWERS[1:]],
    *[f"remember:{step} breaks" for step in REMOTE],
    "returned breaks",
]
stories = st.lists(st.sampled_from(LINES), max_size=12)


def tell(parcel: str, story: Story, slowly: Callable[[], None]) -> None:
    """Write the story into the script; `slowly` is called by a step whose answer is to come late."""
    for line in story:
        step, word = line.split()
        script.say(step, parcel, _line(step, word, slowly))


def _line(step: str, word: str, slowly: Callable[[], None]) -> Any:
    if word == "breaks":
        error = ValueError("oops")
        return error if step in REMOTE or step.startswith("remember:") else Raise(error)
    if word in SLOW:
        return lambda: slowly() or _outcome(SLOW[word])
    return _outcome(word)


def _outcome(word: str | None) -> Outcome | None:
    return OUTCOMES[word]() if word in OUTCOMES else None
