"""Errors: which of SQLite's pass by themselves, and AMQP's channel errors 404 and 406."""

import sqlite3

from amqp.exceptions import ChannelError, NotFound, PreconditionFailed  # type: ignore[import-untyped]

_PASSING = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_LOCKED}


def passes(error: sqlite3.OperationalError) -> bool:
    """Return whether this is a full disk, a busy file or a failed read or write: a consumer waits these out."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and (code & 0xFF) in _PASSING  # the low byte is the kind, the rest its detail


def not_found(what: str, name: str, method: str) -> ChannelError:
    return NotFound(f"NOT_FOUND - no {what} {name!r}", (50, 10), method)


def precondition_failed(text: str, method: str) -> ChannelError:
    return PreconditionFailed(f"PRECONDITION_FAILED - {text}", (40, 10), method)
