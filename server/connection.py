"""One client's connection: its requests are answered one after another, each by a thread once it is whole."""

from __future__ import annotations

import asyncio
from collections import deque
from concurrent.futures import Future
from typing import TYPE_CHECKING

from server.addresses import client_behind, party, plain
from server.pace import Pace
from server.refusals import Refused, answer_to
from server.requests import Environ, Request, Requests
from server.sending import Sending

if TYPE_CHECKING:
    from server.loop import Loop

BROKE_OFF = "The connection ended before the request did. Nothing was done."
JUST_CAME = 1.0
"""Seconds after connecting in which a first request may still be on its way."""
TOO_SLOW = "The request took too long to come. Nothing was done."


class Connection(asyncio.Protocol):
    def __init__(self, loop: Loop, peer: str) -> None:
        self._loop, self._peer = loop, plain(peer)
        base = loop.base | {"REMOTE_ADDR": self._peer}
        self._requests = Requests(loop.limits, loop.largest_body, base, self._head_is_there, self._is_whole)
        self._next: deque[Request | Refused] = deque()
        self._at_work = self._deaf = self._heard_all = self._to_be_asked = False
        self._received = self._in_hand = self._held = 0
        now = loop.now()
        self._idle_since, self._ends_at, self._patience = now, 0.0, loop.limits.window
        self._reading = Pace(loop.limits.window, loop.limits.rate, now)

    # --- the event loop calls these -------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        crowd, limits = self._loop.crowd, self._loop.limits
        self._transport = transport
        self._out = Sending(transport, Pace(limits.window, limits.rate, self._loop.now()), self._loop.now)
        if not crowd.enter(self) or not (limits.proxies or crowd.count_for(self, party(self._peer))):
            transport.abort()

    def connection_lost(self, _: Exception | None) -> None:
        self._drop()
        self._loop.crowd.go(self)
        self._out.lost()

    def data_received(self, data: bytes) -> None:
        if self._deaf:
            return
        busy = self._at_work
        if not self._requests.begun:
            self._reading.start(self._loop.now(), self._received)
        self._received += len(data)
        try:
            self._requests.feed(data)
        except Refused as refusal:
            self._refuse(refusal)
        self._weigh()
        if busy or self._next:
            self._transport.pause_reading()  # until the requests that have come are answered

    def eof_received(self) -> bool:
        """Keep the transport open until all is answered: the client sends no more, but may still read."""
        self._heard_all = True
        if self._requests.begun and not self._deaf:
            self._refuse(Refused(400, BROKE_OFF))
        self._deaf = True
        return self._at_work or bool(self._next)

    def pause_writing(self) -> None:
        self._out.full = True

    def resume_writing(self) -> None:
        self._out.has_room()
        self._go_on()
        self._listen()

    # --- from bytes to the app ------------------------------------------------------------------------

    def _head_is_there(self, environ: Environ, wants_to_be_asked: bool) -> None:
        behind_proxies = self._loop.limits.proxies > 0
        if behind_proxies and not self._loop.crowd.count_for(self, self._party(environ)):
            raise Refused(503, "Too many requests of this address are being served already.")
        self._to_be_asked = wants_to_be_asked
        self._ask()

    def _ask(self) -> None:
        """Send `100 Continue` to a client that waits for it, once the requests before are answered."""
        if self._to_be_asked and not (self._at_work or self._next or self._deaf):
            self._to_be_asked = False
            self._out.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _party(self, environ: Environ) -> str:
        return party(client_behind(self._loop.limits.proxies, environ.get("HTTP_X_FORWARDED_FOR"), self._peer))

    def _is_whole(self, request: Request) -> None:
        self._to_be_asked = False
        if len(self._next) >= self._loop.limits.at_once:
            raise Refused(503, "Too many requests at once on one connection.")
        self._next.append(request)
        self._go_on()

    def _refuse(self, refusal: Refused) -> None:
        """Queue a refusal behind the requests before it, and read no more."""
        self._deaf = True
        self._next.append(refusal)
        self._go_on()

    def _go_on(self) -> None:
        """Begin the next request, once the one before is answered and the client reads that answer."""
        if self._at_work or self._out.full or not self._next:
            return
        one = self._next.popleft()
        if isinstance(one, Refused):
            self._say_no(one)
        else:
            self._at_work = True
            self._in_hand += one.size
            self._loop.turns.add(self, self._party(one.environ), one)

    def _listen(self) -> None:
        """Read from the client again, once no request is waiting or at work."""
        if not (self._deaf or self._at_work or self._next):
            self._transport.resume_reading()

    def _say_no(self, refusal: Refused) -> None:
        self._loop.refused(refusal.status)
        self._out.write(answer_to(refusal))
        self._end()

    # --- threads call these ---------------------------------------------------------------------------

    def finish(self, data: bytes, *, keep: bool) -> None:
        self._loop.soon(self._answered, data, keep)

    def send(self, part: bytes) -> None:
        room: Future[None] = Future()
        self._loop.soon(self._out.write_with_room, part, room)
        room.result()

    def cut(self) -> None:
        self._loop.soon(self._transport.abort)

    # --- and so, in the loop's own thread -------------------------------------------------------------

    def _answered(self, data: bytes, keep: bool) -> None:
        self._out.write(data)
        self._at_work = False
        if self._loop.limits.proxies:
            self._loop.crowd.count_for_nobody(self)
        if not keep or self._loop.stopping or (self._deaf and not self._next):
            self._end()
            return
        self._idle_since, self._patience = self._loop.now(), self._loop.limits.idle
        self._reading.start(self._idle_since, self._received)
        self._loop.crowd.waits_anew(self)
        self._go_on()
        self._ask()
        self._listen()

    def done(self, request: Request) -> None:
        """Count the request's body as freed: its thread has finished."""
        self._in_hand -= request.size
        self._weigh()

    def _end(self) -> None:
        """Close our side first: a client that still sends would lose the answer otherwise (RFC 9112 9.6)."""
        self._next.clear()
        if self._transport.is_closing():
            return
        if self._heard_all:
            self._transport.close()
            return
        self._deaf, self._ends_at = True, self._loop.now() + self._loop.limits.linger
        self._out.end()
        self._transport.resume_reading()

    def _drop(self) -> None:
        """Drop the requests that no thread has begun with."""
        self._next.clear()
        if request := self._loop.turns.drop(self):
            self._at_work = False
            self._in_hand -= request.size
        self._requests.drop()
        self._weigh()

    def _weigh(self) -> None:
        more = self._unserved() + self._in_hand - self._held
        if more:
            self._held += more
            self._loop.holds(more)

    def _unserved(self) -> int:
        return self._requests.held + sum(one.size for one in self._next if isinstance(one, Request))

    # --- whether it may stay --------------------------------------------------------------------------

    @property
    def waits(self) -> bool:
        return not self._at_work

    @property
    def spare(self) -> int:
        if self._loop.turns.waits(self):
            return self._unserved() + self._in_hand
        return 0 if self._at_work else self._unserved()

    def leave(self, why: str) -> None:
        """Close at once; a client that has asked something gets a 503 with `why`, unless it does not read."""
        asked = self._requests.begun or self._at_work
        self._loop.crowd.go(self)
        self._drop()
        self._deaf = True
        if asked and not self._ends_at:
            self._loop.refused(503)
            self._out.write(answer_to(Refused(503, why)))
        self._close()

    def look(self, now: float) -> None:
        """Close the connection, or refuse its request with 408, if it is too slow or idle. Called twice a second."""
        if self._out.too_slow(now):
            self._transport.abort()
        elif self._at_work:
            return
        elif self._ends_at:
            if now > self._ends_at and not self._out.unsent:
                self._transport.abort()
        elif self._requests.begun:
            if self._reading.too_slow(now, self._received):
                self._refuse(Refused(408, TOO_SLOW))
        elif now - self._idle_since > self._patience:
            self._close()

    def let_go(self) -> None:
        """Close a connection that has asked nothing: the process is to stop. Others close once they are answered."""
        just_came = not self._out.begun and self._loop.now() - self._idle_since < JUST_CAME
        if not (self._at_work or self._next or self._requests.begun or self._ends_at or just_came):
            self._close()

    def _close(self) -> None:
        """Close, or abort if there are bytes that the client does not read."""
        if self._out.unsent:
            self._transport.abort()
        else:
            self._transport.close()
