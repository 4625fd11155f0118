"""Who is connected, from where, and who has to leave: whoever waits longest without a whole request.

So a new client is always let in, unless all of its address are being served: a thousand connections that wait take
nobody's place, they take each other's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol


class Guest(Protocol):
    @property
    def waits(self) -> bool:
        """For its client, and not for the app."""

    @property
    def spare(self) -> int:
        """Bytes of bodies that leave with it: no thread has begun with them."""

    def leave(self, why: str) -> None:
        """Its place is needed."""

    def look(self, now: float) -> None:
        """Whether it has had its time."""

    def let_go(self) -> None:
        """The process is to stop."""


class Crowd:
    def __init__(self, most: int, by_address: int) -> None:
        self._most, self._by_address = most, by_address
        self._all: dict[Guest, None] = {}
        self._of: dict[str, dict[Guest, None]] = {}
        self._party: dict[Guest, str] = {}

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Guest]:
        return iter(list(self._all))

    def enter(self, guest: Guest) -> bool:
        """False if there is no place and nobody who could leave."""
        if len(self._all) >= self._most and not _make_room(self._all):
            return False
        self._all[guest] = None
        return True

    def count_for(self, guest: Guest, party: str) -> bool:
        """From here on it is one of theirs. False if they have too many and all are being served."""
        self.count_for_nobody(guest)
        theirs = self._of.setdefault(party, {})
        if len(theirs) >= self._by_address and not _make_room(theirs):
            return False
        self._of.setdefault(party, {})[guest] = None
        self._party[guest] = party
        return True

    def count_for_nobody(self, guest: Guest) -> None:
        party = self._party.pop(guest, None)
        if party is not None:
            theirs = self._of[party]
            del theirs[guest]
            if not theirs:
                del self._of[party]

    def waits_anew(self, guest: Guest) -> None:
        """It was served: of those that wait it is the last now."""
        for those in (self._all, self._of.get(self._party.get(guest, ""), {})):
            if guest in those:
                del those[guest]
                those[guest] = None

    def go(self, guest: Guest) -> None:
        self.count_for_nobody(guest)
        self._all.pop(guest, None)

    def make_room(self) -> bool:
        """For a file handle, say."""
        return _make_room(self._all)


def _make_room(those: Iterable[Guest]) -> bool:
    longest = next((guest for guest in those if guest.waits), None)
    if longest is not None:
        longest.leave("There are too many connections; this one has waited longest.")
    return longest is not None
