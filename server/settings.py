"""What the program's settings mean for its server."""

from __future__ import annotations

from config import Settings
from server.limits import Limits, room_for_connections


def workers_for(chosen: Settings) -> int:
    """A second process only with Redis, which makes both count rates together."""
    return 2 if chosen.redis_url else 1


def stands_alone(chosen: Settings) -> bool:
    """Whether strangers reach it directly in production: it bears what one address can do, not what many can."""
    return chosen.environment == "production" and chosen.trusted_proxies == 0


def limits_for(chosen: Settings, workers: int) -> Limits:
    """Also raises this process's own limit of open files, as far as it may."""
    return Limits(
        connections=room_for_connections(),
        by_address=max(1, chosen.connections_per_address // workers),
        proxies=chosen.trusted_proxies,
    )
