"""Errors of the database: which of them pass, and which say that nothing was committed."""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, TimeoutError

TROUBLE = (OperationalError, InterfaceError, TimeoutError)
"""Errors of the database itself, away or busy, and not of the statement."""


def is_away(error: Exception) -> bool:
    """Return whether the database could not be reached at all, so that trying again at once would only add load."""
    if isinstance(error, TimeoutError):
        return True
    state = getattr(getattr(error, "orig", None), "sqlstate", None)
    return isinstance(error, OperationalError | InterfaceError) and state is None and not may_pass(error)


def clashed(error: DBAPIError) -> bool:
    """Return whether nothing was committed because transactions met, or because this process `slept`.

    They met in a deadlock, a serialization failure or a lock that was not had in time.
    """
    state = getattr(error.orig, "sqlstate", None)
    return slept(error) or state in ("40P01", "40001", "55P03") or "database is locked" in str(error)


def slept(error: DBAPIError) -> bool:
    """Return whether the server ended the transaction because this process stood still in it for too long."""
    return getattr(error.orig, "sqlstate", None) == "25P03"


def may_pass(error: DBAPIError) -> bool:
    """Return whether trying again may help: the transaction `clashed`, or the connection was lost."""
    return error.connection_invalidated or clashed(error)
