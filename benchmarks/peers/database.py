"""The transaction of the peers: a pool with as many connections as they have threads, without a ping before use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from sqlalchemy import Engine, create_engine
from sqlalchemy.orm import Session

import db
from config import settings

CONNECTIONS = int(os.environ.get("PEER_THREADS", "4"))


@cache
def engine() -> Engine:
    """Return the engine of this process; call it only after the fork. On SQLite it is the shop's."""
    if settings().on_sqlite:
        return db.engine()
    return create_engine(settings().database_url, pool_size=CONNECTIONS, max_overflow=2)


@contextmanager
def transaction() -> Iterator[Session]:
    with Session(engine(), expire_on_commit=False) as session, session.begin():
        yield session
