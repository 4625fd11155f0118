"""The proxy itself: an event loop in a thread, told what to do from the test's."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Literal, Self
from urllib.parse import urlsplit, urlunsplit

from tests.proxy.line import Line

Mode = Literal["pass", "refuse", "reset", "swallow", "half_open"]
"""
pass       as if it were not there
refuse     nobody listens; open lines are reset
reset      accepted, then reset; open lines as well
swallow    a black hole: accepted, read, never answered; open lines fall silent for ever
half_open  open lines fall silent for ever, new ones pass: the other machine was replaced
"""


class Proxy:
    """`with Proxy("127.0.0.1", 5672) as proxy: ...; proxy.mode("swallow")`. It listens on `port`."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._mode: Mode = "pass"
        self._delay = 0.0
        self._lines: set[Line] = set()
        self._door: asyncio.Server | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self.port = 0

    @classmethod
    def before(cls, url: str) -> Self:
        """Before the server that a URL names."""
        parts = urlsplit(url)
        return cls(parts.hostname or "127.0.0.1", parts.port or 1)

    def url(self, real: str) -> str:
        """The same URL, through this proxy."""
        parts = urlsplit(real)
        login, at, _ = parts.netloc.rpartition("@")
        return urlunsplit(parts._replace(netloc=f"{login}{at}127.0.0.1:{self.port}"))

    def __enter__(self) -> Self:
        self._thread.start()
        self._run(self._open_door())
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._leave())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def mode(self, mode: Mode, *, delay: float = 0.0) -> None:
        """From now on. `delay`: seconds that everything takes longer in each direction."""
        self._run(self._change(mode, delay))

    def passing(self, line: Line, data: bytes, *, from_client: bool) -> bool:
        """Whether these bytes may go on; for proxies that know a protocol."""
        return not line.silent

    # --- in the loop ----------------------------------------------------------------------------------

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _change(self, mode: Mode, delay: float) -> None:
        self._mode, self._delay = mode, delay
        for line in list(self._lines):
            if mode in ("refuse", "reset"):
                line.cut()
            line.silent = line.silent or mode in ("swallow", "half_open")
        await (self._close_door() if mode == "refuse" else self._open_door())

    async def _open_door(self) -> None:
        if self._door is None:
            self._door = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
            self.port = self._door.sockets[0].getsockname()[1]

    async def _close_door(self) -> None:
        if self._door is not None:
            self._door.close()
            self._door = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = Line(writer, silent=self._mode == "swallow")
        self._lines.add(line)
        try:
            await self._carry(line, reader)
        except OSError:
            line.cut()  # there is nobody to pass it on to, or not any more
        finally:
            line.close()
            self._lines.discard(line)

    async def _carry(self, line: Line, reader: asyncio.StreamReader) -> None:
        if self._mode == "reset":
            line.cut()
        elif line.silent:
            await self._pump(line, reader, None)
        else:
            answers, line.server = await asyncio.open_connection(*self._target)
            back = asyncio.create_task(self._answer(line, answers))
            await self._pump(line, reader, line.server)
            line.close()
            await back

    async def _answer(self, line: Line, answers: asyncio.StreamReader) -> None:
        with suppress(OSError):  # the server's end broke; the client is told the same way
            await self._pump(line, answers, line.client)
        if not line.silent:
            line.client.close()

    async def _pump(self, line: Line, source: asyncio.StreamReader, sink: asyncio.StreamWriter | None) -> None:
        while data := await source.read(65536):
            if self._delay:
                await asyncio.sleep(self._delay)
            if sink and self.passing(line, data, from_client=sink is line.server):
                sink.write(data)
                await sink.drain()

    async def _leave(self) -> None:
        await self._close_door()
        while self._lines:
            for line in list(self._lines):
                line.cut()
            await asyncio.sleep(0.01)
