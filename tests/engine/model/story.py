"""What the steps of a run will answer, said beforehand: `["label unknown refused"]`, then all goes well."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import strategies as st

from engine.outcomes import Outcome, Refused, TryAgain, Unknown, Wait
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

ANSWERS = ("done", *OUTCOMES, "breaks")
LINES = [
    *[f"{step} {word}" for step in (*LOCAL, *REMOTE) for word in ANSWERS],
    *[f"fetch:{step} {word}" for step in REMOTE for word in ANSWERS[1:]],
    *[f"remember:{step} breaks" for step in REMOTE],
    "returned breaks",
]
MORE = [f"{line} {' '.join(line.split()[1:] * 2)}" for line in LINES]  # the same answer three times running
stories = st.lists(st.sampled_from(LINES + MORE), max_size=4)


def tell(parcel: str, story: Story) -> None:
    """Write the story into the script."""
    for line in story:
        step, *words = line.split()
        script.say(step, parcel, *[_answer(step, word) for word in words])


def _answer(step: str, word: str) -> Any:
    if word == "breaks":
        error = ValueError("oops")
        return error if step in REMOTE or step.startswith("remember:") else Raise(error)
    return OUTCOMES[word]() if word in OUTCOMES else None
