"""The report of one race."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.sandboxes import Answer


@dataclass
class Report:
    """`figures`: what was counted, in the order of the report; `wrong`: every count or answer other than expected."""

    race: str
    figures: dict[str, object] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def count(self, what: str, found: int, expected: int) -> None:
        self.figures[what] = found
        if found != expected:
            self.wrong.append(f"{what}: {found}, not {expected}")

    def count_answers(self, answers: Sequence[Answer], **expected: int) -> None:
        """Count the answers by the code of the refusal: `accepted=1, cart_empty=49`. Any other answer is wrong."""
        said = Counter("accepted" if a.status == 202 else str(a.body.get("code", a.status)) for a in answers)
        for what in {**expected, **said}:
            self.count(what, said[what], expected.get(what, 0))

    def __str__(self) -> str:
        told = ", ".join(f"{number} {what}" for what, number in self.figures.items())
        return f"{'NOT EXACT' if self.wrong else 'exact':<9}  {self.race}: {told}".rstrip(": ")
