"""All connections of a process, by address, and which one is closed when there are too many.

It is the one that has waited longest without a whole request. So a new client is always let in, unless all connections
of its address are being served: a thousand connections that wait take no place from others, only from each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol


class Guest(Protocol):
    """A connection, as the crowd sees it."""

    @property
    def waits(self) -> bool:
        """Return whether it waits for its client, and not for the app."""

    @property
    def spare(self) -> int:
        """Return the bytes of bodies that `leave` would free: no thread has begun with them."""

    def leave(self, why: str) -> None:
        """Close the connection, because its place is needed; `why` is sent to the client if it has asked something."""

    def look(self, now: float) -> None:
        """Close the connection if its time is over."""

    def let_go(self) -> None:
        """Close the connection if it is idle: the process is to stop."""


class Crowd:
    """The connections of a process, longest waiting first: at most `most`, and `by_address` of one address."""

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
        """Add a connection, closing another if there is no place. False if none can be closed."""
        if len(self._all) >= self._most and not _make_room(self._all):
            return False
        self._all[guest] = None
        return True

    def count_for(self, guest: Guest, party: str) -> bool:
        """Count a connection for this address, closing another of it if it has too many.

        False if all of them are being served.
        """
        self.count_for_nobody(guest)
        theirs = self._of.setdefault(party, {})
        if len(theirs) >= self._by_address and not _make_room(theirs):
            return False
        self._of.setdefault(party, {})[guest] = None
        self._party[guest] = party
        return True

    def count_for_nobody(self, guest: Guest) -> None:
        """Count a connection for no address any more."""
        party = self._party.pop(guest, None)
        if party is not None:
            theirs = self._of[party]
            del theirs[guest]
            if not theirs:
                del self._of[party]

    def waits_anew(self, guest: Guest) -> None:
        """Put a connection last among those that wait: it was just served."""
        for those in (self._all, self._of.get(self._party.get(guest, ""), {})):
            if guest in those:
                del those[guest]
                those[guest] = None

    def go(self, guest: Guest) -> None:
        """Remove a connection. Safe to call twice."""
        self.count_for_nobody(guest)
        self._all.pop(guest, None)

    def make_room(self) -> bool:
        """Close one waiting connection, to free a file handle, say. False if none waits."""
        return _make_room(self._all)


def _make_room(those: Iterable[Guest]) -> bool:
    longest = next((guest for guest in those if guest.waits), None)
    if longest is not None:
        longest.leave("There are too many connections; this one has waited longest.")
    return longest is not None
