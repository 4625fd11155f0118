"""The listening socket: one that the supervisor holds and hands over, or else our own.

The supervisor never accepts. So no client is refused while this process restarts: connections wait in the kernel's
queue.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping

HANDED_OVER = "LISTEN_FD"
BACKLOG = 2048  # the kernel allows at most net.core.somaxconn


def listen(host: str, port: int) -> socket.socket:
    """Open a new listening socket. `::` takes IPv4 as well. Raises OSError if the port is taken."""
    family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    both = family == socket.AF_INET6 and host == "::" and socket.has_dualstack_ipv6()
    return socket.create_server(address[:2], family=family, backlog=BACKLOG, dualstack_ipv6=both)


def listener(host: str, port: int, environment: Mapping[str, str] = os.environ) -> socket.socket:
    """Return the socket that LISTEN_FD names, else a new one. It does not block."""
    number = environment.get(HANDED_OVER)
    found = socket.socket(fileno=int(number)) if number else listen(host, port)
    found.setblocking(False)
    return found
