"""The register of the doctor's checks, and their findings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from sqlalchemy.orm import Session

Look = Callable[[Session], Iterable[str]]


@dataclass(frozen=True)
class Check:
    """One invariant: its number in the list of faults, what must hold, and the function that finds its breaches."""

    number: str
    promise: str
    look: Look


class CouldNotLook(Exception):
    """A system that the check has to ask does not answer: the invariant is neither well nor broken."""


@dataclass(frozen=True)
class Finding:
    """The result of a check. `unknown`: why it could not be made; None if it was made."""

    check: Check
    breaches: list[str]
    unknown: str | None = None

    @property
    def well(self) -> bool:
        return not self.breaches and self.unknown is None


checks: list[Check] = []


def invariant(number: str, promise: str) -> Callable[[Look], Look]:
    """Register a function as a check; it takes a session and yields a sentence for each breach."""

    def register(look: Look) -> Look:
        checks.append(Check(number, promise, look))
        return look

    return register


def examine(session: Session) -> Iterator[Finding]:
    """Run all registered checks, and yield their findings in the order of their numbers."""
    for check in sorted(checks, key=lambda check: int(check.number.strip("I"))):
        yield _look(check, session)


def _look(check: Check, session: Session) -> Finding:
    try:
        return Finding(check, list(check.look(session)))
    except CouldNotLook as why:
        return Finding(check, [], str(why))
