"""One process: it accepts, checks its connections twice a second, hands whole requests to threads, and drains."""

from __future__ import annotations

import asyncio
import errno
import logging
import queue
import signal
import socket
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

from server.answers import App, answer
from server.connection import Connection
from server.crowd import Crowd
from server.limits import Limits
from server.requests import Environ, Request
from server.turns import Turns

LOOK_SECONDS = 0.5
OUT_OF_HANDLES = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)

log = logging.getLogger("server")


class Loop:
    """The event loop of one process.

    `run` returns after SIGTERM or SIGINT, or once `parent` (a pipe's file descriptor) is closed because the parent is
    gone.
    """

    def __init__(self, app: App, listener: socket.socket, base: Environ, limits: Limits) -> None:
        self.base, self.limits = base, limits
        self.crowd = Crowd(limits.connections, limits.by_address)
        self.stopping = False
        self._app, self._listener = app, listener
        self._held = 0
        self._connecting: set[asyncio.Task[Any]] = set()
        self._refused: Counter[int] = Counter()
        self._work: queue.SimpleQueue[tuple[Connection, str, Request]] = queue.SimpleQueue()
        self.turns: Turns[Connection, Request] = Turns(limits.threads, self._begin)

    def run(self, parent: int | None = None) -> None:
        asyncio.run(self._run(parent))

    def largest_body(self, path: str) -> int:
        """Return the bytes that a body for this path may have: by the app's `largest_body`, if it has one."""
        said = getattr(self._app, "largest_body", None)
        return int(said(path)) if said else self.limits.body

    # --- for connections ------------------------------------------------------------------------------

    def now(self) -> float:
        return self._loop.time()

    def soon(self, call: Callable[..., object], *arguments: Any) -> None:
        """Call a function in the event loop's thread. May be used from any thread."""
        self._loop.call_soon_threadsafe(call, *arguments)

    def refused(self, status: int) -> None:
        self._refused[status] += 1

    def holds(self, more: int) -> None:
        """Count `more` bytes of bodies in memory (negative: freed); close a connection if there are too many.

        It is the one with the most bytes that no thread has begun with.
        """
        self._held += more
        if more > 0 and self._held > self.limits.held:
            largest = max(self.crowd, key=lambda guest: guest.spare, default=None)
            if largest and largest.spare:
                largest.leave("Too much is being sent to the shop. Try again.")

    # --------------------------------------------------------------------------------------------------

    async def _run(self, parent: int | None) -> None:
        self._loop = asyncio.get_running_loop()
        self._asked = asyncio.Event()
        for sign in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(sign, self._asked.set)
        if parent is not None:
            self._loop.add_reader(parent, self._asked.set)
        for number in range(self.limits.threads):
            threading.Thread(target=self._serve, name=f"request-{number}", daemon=True).start()
        self._open()
        looking = self._loop.create_task(self._look_around())
        await self._asked.wait()
        await self._drain()
        looking.cancel()

    def _serve(self) -> None:
        while True:
            connection, party, request = self._work.get()
            answer(self._app, request, connection)
            self.soon(self._done, connection, party, request)
            del request, connection  # or they would stay in memory while this thread waits

    def _begin(self, connection: Connection, party: str, request: Request) -> None:
        self._work.put((connection, party, request))

    def _done(self, connection: Connection, party: str, request: Request) -> None:
        connection.done(request)
        self.turns.done(party)

    def _open(self) -> None:
        if not self.stopping:
            self._loop.add_reader(self._listener, self._accept)

    def _accept(self) -> None:
        """Accept one connection at a time, so that the processes that share the socket get about as many each."""
        try:
            client, peer = self._listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return  # another process was quicker, or the client is gone
        except OSError as error:
            if error.errno not in OUT_OF_HANDLES:
                raise
            self._loop.remove_reader(self._listener)
            self._loop.call_later(0.1 if self.crowd.make_room() else 1.0, self._open)
            return
        client.setblocking(False)
        made = self._loop.connect_accepted_socket(lambda: Connection(self, str(peer[0])), client)
        task = self._loop.create_task(made)
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)

    async def _look_around(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            now = self.now()
            for guest in self.crowd:
                guest.look(now)
            if self._refused:
                log.warning("requests that were none: %s", dict(self._refused))
                self._refused.clear()

    async def _drain(self) -> None:
        """Accept no more connections and answer the requests under way, for `grace` seconds at most."""
        self.stopping = True
        self._loop.remove_reader(self._listener)
        self._listener.close()
        deadline = self.now() + self.limits.grace
        while (len(self.crowd) or self.turns.busy) and self.now() < deadline:
            for guest in self.crowd:
                guest.let_go()
            await asyncio.sleep(0.02)
