"""One connection through the proxy, with its two ends."""

from __future__ import annotations

import asyncio
import struct
from dataclasses import dataclass
from socket import SO_LINGER, SOL_SOCKET

RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass(eq=False)
class Line:
    client: asyncio.StreamWriter
    server: asyncio.StreamWriter | None = None
    silent: bool = False  # for ever: what was swallowed is missing in between

    def cut(self) -> None:
        """Both ends get a reset, as from a machine that knows of no such connection."""
        for end in filter(None, (self.client, self.server)):
            sock = end.get_extra_info("socket")
            if sock is not None and sock.fileno() >= 0:
                sock.setsockopt(SOL_SOCKET, SO_LINGER, RESET_ON_CLOSE)
            end.transport.abort()

    def close(self) -> None:
        """One end has gone, and the other is told; on a silent line only the client can go."""
        for end in filter(None, (self.client, self.server)):
            end.close()
