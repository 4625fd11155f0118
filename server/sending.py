"""Sending to one client: the bytes written, and whether the client reads them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future

from server.answers import ClientGone
from server.pace import Pace


class Sending:
    def __init__(self, transport: asyncio.WriteTransport, pace: Pace, now: Callable[[], float]) -> None:
        self._transport, self._pace, self._now = transport, pace, now
        self._written = 0
        self._room: Future[None] | None = None
        self.full = False

    @property
    def begun(self) -> bool:
        return self._written > 0

    @property
    def unsent(self) -> int:
        return self._transport.get_write_buffer_size()

    def write(self, data: bytes) -> None:
        if self._transport.is_closing():
            return
        if not self.unsent:
            self._pace.start(self._now(), self._written)
        self._written += len(data)
        self._transport.write(data)

    def write_with_room(self, part: bytes, room: Future[None]) -> None:
        """Write a part; `room` is completed once there is room for more, or gets ClientGone if the client is gone."""
        self.write(part)
        if self._transport.is_closing():
            room.set_exception(ClientGone())
        elif self.full:
            self._room = room
        else:
            room.set_result(None)

    def end(self) -> None:
        try:
            self._transport.write_eof()
        except OSError:  # the client was quicker, and its transport does not know yet
            self._transport.abort()

    def has_room(self) -> None:
        self.full = False
        if self._room:
            self._room.set_result(None)
            self._room = None

    def lost(self) -> None:
        if self._room:
            self._room.set_exception(ClientGone())
            self._room = None

    def too_slow(self, now: float) -> bool:
        unsent = self.unsent
        return unsent > 0 and self._pace.too_slow(now, self._written - unsent)
