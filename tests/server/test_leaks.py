"""Connections that end in every odd way leave nothing behind."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.sandboxes import wait_until
from tests.server.wire import Wire, ask, echoing, head

ODD_CONNECTIONS = int(os.environ.get("ODD_CONNECTIONS", "500"))
BEGINNINGS = (
    b"",
    b"\x16\x03\x01\x02\x00\x01",
    b"GET /x HTTP/1.1\r\nHo",
    head("GET", "/x"),
    head("GET", "/x") * 40,
    head("GET", "/stream?30"),
    head("GET", "/odd/leaves"),
    head("GET", "/odd/halfway"),
    head("POST", "/x", Content_Length=100) + b"half",
    head("GET", "/x") + head("POST", "/x", Content_Length=100_000) + b"half" * 1000,
    head("POST", "/x", Content_Length=99_999_999),
    head("POST", "/x", Transfer_Encoding="chunked") + b"5\r\nab",
    head("POST", "/x", Content_Length=5, Expect="100-continue"),
    head("GET", "/x", Connection="Upgrade", Upgrade="websocket"),
)
IDLE = 3
"""Sockets: the listener, and the two by which threads wake the loop."""
ENDS: tuple[Callable[[Wire], object], ...] = (Wire.close, Wire.reset, Wire.end, lambda wire: wire.is_over(0.05))


def test_connections_that_end_oddly_leave_no_handle_no_thread_and_no_request() -> None:
    with echoing(window=2.0, linger=0.5, idle=2.0, by_address=64) as (port, process):
        assert ask(port, "/x").status == 200
        wait_until(lambda: _sockets(process) == IDLE, seconds=15, what="the first to be gone")
        before = _kept(process)
        for number in range(ODD_CONNECTIONS):
            _come_and_go(port, number)
        Wire.close_all()
        wait_until(lambda: _kept(process) == before, seconds=15, what=f"{before}, and not {_kept(process)}")
        assert ask(port, "/x").status == 200


def _come_and_go(port: int, number: int) -> None:
    wire = Wire(port)
    try:
        wire.send(BEGINNINGS[number % len(BEGINNINGS)])
        ENDS[number // len(BEGINNINGS) % len(ENDS)](wire)
    except OSError:
        return  # it was sent away


def _sockets(process: subprocess.Popen[bytes]) -> int:
    return sum(os.readlink(one).startswith("socket:") for one in Path(f"/proc/{process.pid}/fd").iterdir())


def _kept(process: subprocess.Popen[bytes]) -> tuple[int, int]:
    """File handles and threads."""
    folder = Path(f"/proc/{process.pid}")
    return len(list((folder / "fd").iterdir())), len(list((folder / "task").iterdir()))
