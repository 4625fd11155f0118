"""The server's limits and processes, by the program's settings."""

from __future__ import annotations

from config import Settings
from server.limits import Limits, room_for_connections


def workers_for(chosen: Settings) -> int:
    """Return the number of processes: two only with Redis, by which both count rates together."""
    return 2 if chosen.redis_url else 1


def stands_alone(chosen: Settings) -> bool:
    """Return whether clients reach the server without a proxy in production.

    It withstands a flood from one address, not from many.
    """
    return chosen.environment == "production" and chosen.trusted_proxies == 0


def limits_for(chosen: Settings, workers: int) -> Limits:
    """Return the limits of each of `workers` processes. Also raises this process's limit of open files."""
    return Limits(
        connections=room_for_connections(),
        by_address=max(1, chosen.connections_per_address // workers),
        proxies=chosen.trusted_proxies,
    )
