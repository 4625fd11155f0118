"""Limits of one server process: sizes, numbers and times."""

from __future__ import annotations

import resource
from dataclasses import dataclass

OURS = 256
"""File handles that are not connections: databases, brokers, logs."""


@dataclass(frozen=True)
class Limits:
    """The limits of one server process."""

    head: int = 32 * 1024
    """Bytes of request line and headers."""
    lines: int = 128
    """Different headers."""
    body: int = 16 * 1024 * 1024
    """Bytes of a body at most; the app may lower it by `largest_body(path)`."""
    held: int = 96 * 1024 * 1024
    """Bytes of bodies that are held at once."""
    window: float = 10.0
    """Seconds in which a request must be whole, or grow by `window * rate` bytes; an answer must be read as fast."""
    rate: int = 16 * 1024
    """Bytes a second."""
    idle: float = 30.0
    """Seconds between an answer and the next request."""
    linger: float = 2.0
    """Seconds for a client to read the refusal while it still sends."""
    grace: float = 10.0
    """Seconds for requests under way when the process is asked to stop."""
    connections: int = 8192
    by_address: int = 256
    proxies: int = 0
    """How many proxies of ours stand in front: they name the client's address, as for `TRUSTED_PROXIES`."""
    threads: int = 32
    at_once: int = 32
    """Whole requests of one connection that wait for the one before them."""


def room_for_connections(wanted: int = 8192) -> int:
    """Raise this process's limit of open files as far as allowed. Returns how many of `wanted` connections fit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    target = wanted + OURS
    if soft != resource.RLIM_INFINITY and soft < target:
        soft = target if hard == resource.RLIM_INFINITY else min(target, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return wanted if soft == resource.RLIM_INFINITY else max(64, min(wanted, soft - OURS))
