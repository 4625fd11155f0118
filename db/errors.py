"""What an error of the database means for who may try again."""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, TimeoutError

TROUBLE = (OperationalError, InterfaceError, TimeoutError)
"""The database's own, and no fault of what was asked of it."""


def is_away(error: Exception) -> bool:
    """Whether the database could not be reached at all, so that asking again at once would only add to it."""
    if isinstance(error, TimeoutError):
        return True
    state = getattr(getattr(error, "orig", None), "sqlstate", None)
    return isinstance(error, OperationalError | InterfaceError) and state is None and not may_pass(error)


def clashed(error: DBAPIError) -> bool:
    """Deadlock, serialization failure, a lock not had in time, a process that slept: nothing was committed."""
    state = getattr(error.orig, "sqlstate", None)
    return slept(error) or state in ("40P01", "40001", "55P03") or "database is locked" in str(error)


def slept(error: DBAPIError) -> bool:
    """The process stood still in a transaction, so long that the server had ended it when it went on."""
    return getattr(error.orig, "sqlstate", None) == "25P03"


def may_pass(error: DBAPIError) -> bool:
    """A clash, or a server that went away."""
    return error.connection_invalidated or clashed(error)
