"""What the doctor says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from sqlalchemy.orm import Session

Look = Callable[[Session], Iterable[str]]


@dataclass(frozen=True)
class Check:
    """One invariant: its number in the list of faults, what must hold, and the look that finds breaches."""

    number: str
    promise: str
    look: Look


class CouldNotLook(Exception):
    """Somebody the check has to ask does not answer: neither well nor broken."""


@dataclass(frozen=True)
class Finding:
    check: Check
    breaches: list[str]
    unknown: str | None = None

    @property
    def well(self) -> bool:
        return not self.breaches and self.unknown is None


checks: list[Check] = []


def invariant(number: str, promise: str) -> Callable[[Look], Look]:
    """Make a function that yields a sentence for every breach one of the doctor's checks."""

    def register(look: Look) -> Look:
        checks.append(Check(number, promise, look))
        return look

    return register


def examine(session: Session) -> Iterator[Finding]:
    """All findings, in the order of their numbers."""
    for check in sorted(checks, key=lambda check: int(check.number.strip("I"))):
        yield _look(check, session)


def _look(check: Check, session: Session) -> Finding:
    try:
        return Finding(check, list(check.look(session)))
    except CouldNotLook as why:
        return Finding(check, [], str(why))
