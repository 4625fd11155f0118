"""Which request gets a thread next: whole requests wait by address, and addresses take turns.

An address takes a thread while it has fewer than three for each that is free: alone it gets three quarters of them, and
the next address finds one at once, however many requests the first goes on sending.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

SHARE = 3

Who = TypeVar("Who", bound=Hashable)
What = TypeVar("What")


class Turns(Generic[Who, What]):
    """A queue of requests by address. `begin(connection, address, request)` is called when a thread is free for one.

    The caller calls `done(address)` when the thread has finished.
    """

    def __init__(self, threads: int, begin: Callable[[Who, str, What], None]) -> None:
        self._free, self._begin = threads, begin
        self._served: Counter[str] = Counter()
        self._waiting: dict[str, dict[Who, What]] = {}
        self._party: dict[Who, str] = {}

    @property
    def busy(self) -> bool:
        return self._served.total() > 0 or bool(self._waiting)

    def add(self, who: Who, party: str, what: What) -> None:
        """Add the request of a connection, which must have no other waiting."""
        self._waiting.setdefault(party, {})[who] = what
        self._party[who] = party
        self._go_on()

    def waits(self, who: Who) -> bool:
        return who in self._party

    def drop(self, who: Who) -> What | None:
        """Remove the waiting request of a connection and return it; None if none waits."""
        party = self._party.pop(who, None)
        if party is None:
            return None
        theirs = self._waiting[party]
        what = theirs.pop(who)
        if not theirs:
            del self._waiting[party]
        return what

    def done(self, party: str) -> None:
        """Free the thread of a request of this address, and begin the next."""
        self._free += 1
        self._served[party] -= 1
        if not self._served[party]:
            del self._served[party]
        self._go_on()

    def _go_on(self) -> None:
        while (party := self._next()) is not None:
            theirs = self._waiting.pop(party)
            self._waiting[party] = theirs  # last among the addresses, the next time
            who = next(iter(theirs))
            what = self.drop(who)
            assert what is not None
            self._free -= 1
            self._served[party] += 1
            self._begin(who, party, what)

    def _next(self) -> str | None:
        """Return the next address that may have a thread.

        Only addresses that have one are passed over: at most as many as there are threads.
        """
        return next((party for party in self._waiting if self._served[party] < SHARE * self._free), None)
