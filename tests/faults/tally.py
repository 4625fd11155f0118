"""The tally of a drill."""

from __future__ import annotations

from dataclasses import dataclass, field

FIRST_WORD = "accepted "
"""The beginning of the lines that `make drill` shows in its summary."""


@dataclass
class Tally:
    """Counts of accepted commands; the lists name those that went wrong, and how."""

    accepted: int = 0
    recovered: int = 0  # were open when the last fault was over, and ended well
    lost: list[str] = field(default_factory=list)  # no such job, or not final in time
    unexpected: list[str] = field(default_factory=list)  # another end than expected
    doubled: list[str] = field(default_factory=list)  # charged or mailed more than once

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
        """Print the tally line of the drill; fail if there is any fault."""
        print(self)
        assert not self.faults, "\n".join([str(self), *self.faults[:30]])
