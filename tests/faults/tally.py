"""What a drill ends with."""

from __future__ import annotations

from dataclasses import dataclass, field

FIRST_WORD = "accepted "
"""What a line begins with that `make drill` shows in its summary."""


@dataclass
class Tally:
    """Counts of accepted orders; the lists say which ones were treated wrongly, and how."""

    accepted: int = 0
    recovered: int = 0  # were open when the last fault was over, and ended well all the same
    lost: list[str] = field(default_factory=list)  # no such job, or not final in time
    unexpected: list[str] = field(default_factory=list)  # another end than they should have had
    doubled: list[str] = field(default_factory=list)  # charged or told more than once

    def __str__(self) -> str:
        wrong = {name: len(getattr(self, name)) for name in ("lost", "unexpected", "doubled")}
        return (
            f"{FIRST_WORD}{self.accepted}, lost {wrong['lost']}, recovered {self.recovered}, "
            f"unexpected {wrong['unexpected']}, doubled {wrong['doubled']}"
        )

    @property
    def faults(self) -> list[str]:
        return self.lost + self.unexpected + self.doubled

    def must_be_clean(self) -> None:
        """Prints the line every drill ends with; fails if anybody was treated wrongly."""
        print(self)
        assert not self.faults, "\n".join([str(self), *self.faults[:30]])
