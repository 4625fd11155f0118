"""Faults, and the drawing of a soak's faults by a seed."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Act = Callable[[], object]


@dataclass(frozen=True)
class Fault:
    """A fault: how it begins and how it is mended. While it lasts, no other fault of the same `target` begins."""

    name: str
    target: str
    begin: Act
    mend: Act
    shortest: float
    longest: float  # seconds from begin to mend
    parts_mails: bool = False  # can come between the hand-over of a mail and its record (P4)


@dataclass(frozen=True)
class Drawn:
    """A fault with its time, in seconds from the beginning of the soak."""

    at: float
    fault: Fault
    lasts: float

    def __str__(self) -> str:
        return f"{self.at:7.1f} s  {self.fault.name}, for {self.lasts:.1f} s"


def draw(kinds: Sequence[Sequence[Fault]], seed: int, seconds: float) -> list[Drawn]:
    """Draw one fault every few seconds, for `seconds`; the kind is drawn first, so that large kinds do not prevail."""
    chance = random.Random(seed)
    drawn, at = [], chance.uniform(1, 3)
    while at < seconds:
        fault = chance.choice(chance.choice(kinds))
        drawn.append(Drawn(at, fault, chance.uniform(fault.shortest, fault.longest)))
        at += chance.uniform(1.5, 5)
    return drawn
