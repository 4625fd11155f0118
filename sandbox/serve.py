"""Run the HTTP server of a sandbox until a signal stops it."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.web import Application

LARGEST_BODY = 1_000_000


def listen(application: Application, host: str, port: int) -> HTTPServer:
    return application.listen(port, address=host, max_body_size=LARGEST_BODY, max_buffer_size=4 * LARGEST_BODY)


async def until_told_to_stop(*loops: asyncio.Task[Any]) -> None:
    """Wait for SIGTERM or SIGINT; if one of the tasks fails first, raise its exception."""
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    waiter = asyncio.create_task(stop.wait())
    done, _ = await asyncio.wait({waiter, *loops}, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()


async def close(server: HTTPServer, *loops: asyncio.Task[Any]) -> None:
    """Stop listening, cancel the tasks and await their end, and close all connections."""
    server.stop()
    for task in loops:
        task.cancel()
    await asyncio.gather(*loops, return_exceptions=True)
    await server.close_all_connections()
