"""Carry out a request again, as a whole, when it clashed with another one in the database.

Nothing of it was committed, so nothing can be done twice. A view that had committed something before the clash is
not repeated: the request is answered with a 503, like every clash that does not end.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from random import uniform
from typing import TypeVar

from flask import g, has_request_context
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

import db

T = TypeVar("T")

TRIES = 5
PATIENCE = 5.0  # seconds; on SQLite one try alone may wait longer for its lock


def until_alone(carry_out: Callable[[], T]) -> T:
    """Call `carry_out` until it does not clash, at most TRIES times and for PATIENCE seconds, and return its result.

    Raises its DBAPIError when that is no clash, when tries or time are used up, or when the request has committed.
    """
    end = time.monotonic() + PATIENCE
    for turn in range(1, TRIES + 1):
        try:
            return carry_out()
        except DBAPIError as error:
            late = time.monotonic() > end and not db.slept(error)
            if late or turn == TRIES or not db.clashed(error) or g.get("committed"):
                raise
            time.sleep(uniform(0.5, 1) * 0.02 * 2**turn)  # noqa: S311 - jitter, or the same two clash again
    raise AssertionError("unreachable")


@event.listens_for(Session, "after_commit")
def _note(session: Session) -> None:
    if has_request_context() and not session.in_nested_transaction():
        g.committed = True
