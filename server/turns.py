"""Whose request gets a thread next: whole requests wait by address, and addresses take turns.

An address takes a thread while it has fewer than three for each that is free: alone it gets three quarters of them, and
whoever comes next finds one at once, however much the first goes on asking.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

SHARE = 3

Who = TypeVar("Who", bound=Hashable)
What = TypeVar("What")


class Turns(Generic[Who, What]):
    """`begin` is called with who asked, their address and what they asked; then `done` with the address."""

    def __init__(self, threads: int, begin: Callable[[Who, str, What], None]) -> None:
        self._free, self._begin = threads, begin
        self._served: Counter[str] = Counter()
        self._waiting: dict[str, dict[Who, What]] = {}
        self._party: dict[Who, str] = {}

    @property
    def busy(self) -> bool:
        return self._served.total() > 0 or bool(self._waiting)

    def add(self, who: Who, party: str, what: What) -> None:
        """One at a time of each."""
        self._waiting.setdefault(party, {})[who] = what
        self._party[who] = party
        self._go_on()

    def waits(self, who: Who) -> bool:
        return who in self._party

    def drop(self, who: Who) -> What | None:
        """What it waited for, if it did."""
        party = self._party.pop(who, None)
        if party is None:
            return None
        theirs = self._waiting[party]
        what = theirs.pop(who)
        if not theirs:
            del self._waiting[party]
        return what

    def done(self, party: str) -> None:
        self._free += 1
        self._served[party] -= 1
        if not self._served[party]:
            del self._served[party]
        self._go_on()

    def _go_on(self) -> None:
        while (party := self._next()) is not None:
            theirs = self._waiting.pop(party)
            self._waiting[party] = theirs  # the others first, the next time
            who = next(iter(theirs))
            what = self.drop(who)
            assert what is not None
            self._free -= 1
            self._served[party] += 1
            self._begin(who, party, what)

    def _next(self) -> str | None:
        """Only those who are served already are passed over: no more than there are threads."""
        return next((party for party in self._waiting if self._served[party] < SHARE * self._free), None)
