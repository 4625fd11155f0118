"""Cache of catalogue answers, for a few seconds, and no longer than until a change is announced.

An answer is kept with the marks that its topics had before it was read from the database. `forget`, after the commit of
a change, gives the changed topics new marks: what was read before is not used from then on, not even what a slow reader
stores only afterwards. The seconds are the safety net: for a process that dies between its commit and `forget`, and for
machines that share no Redis.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from caching.entry import Cache, Kept
from caching.memory import InProcess
from caching.redis import InRedis
from caching.redis_client import shared_redis
from caching.version_file import Board, board
from config import Settings, settings

__all__ = ["Board", "Cache", "Kept", "forget", "opened", "read_through"]


def opened(chosen: Settings) -> Cache | None:
    """Make this process's cache. None: caching is off."""
    seconds = chosen.catalogue_cache_seconds
    if seconds <= 0:
        return None
    return _in_redis(chosen) if chosen.redis_url else InProcess(_board(chosen), seconds)


def read_through(cache: Cache | None, key: str, topics: Sequence[str], load: Callable[[], Kept]) -> Kept:
    """Return what is kept under this key, else load it and keep it.

    Whatever `load` raises is raised, and nothing is kept.
    """
    if cache is None:
        return load()
    found = cache.look(key, topics)
    if found.kept is not None:
        return found.kept
    fresh = load()
    if found.marks is not None:
        cache.keep(key, found.marks, fresh)
    return fresh


def forget(topics: Iterable[str]) -> None:
    """Invalidate everything kept under these topics. To be called after the commit."""
    chosen = settings()
    if chosen.catalogue_cache_seconds > 0:
        (_in_redis(chosen) if chosen.redis_url else _board(chosen)).forget(sorted(set(topics)))


def _in_redis(chosen: Settings) -> InRedis:
    assert chosen.redis_url
    return InRedis(shared_redis(chosen.redis_url), chosen.queue_prefix, chosen.catalogue_cache_seconds)


def _board(chosen: Settings) -> Board:
    return board(Path(chosen.state_dir, "catalogue.marks"))
