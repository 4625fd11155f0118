"""Check the database before any process is started: is it there, and has it room for all connections?"""

from __future__ import annotations

import os
import time

from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as NoConnection

import db
from config import Settings
from db import pool
from deploy.console import tell
from deploy.processes import processes
from deploy.startup_checks import Refused

PAUSE = 1.0
WRONG = ("authentication failed", "does not exist", "no pg_hba.conf entry", "no password supplied", "unable to open")
"""Parts of error messages after which waiting does not help: a server that refuses, or an unusable SQLite path."""


def await_database() -> None:
    """Wait without a limit until the database answers, and say so once; Ctrl-C ends the wait.

    Raises Refused when DATABASE_URL is wrong.
    """
    told = False
    while True:
        try:
            with db.reading() as session:
                session.connection()
            return
        except (OperationalError, NoConnection) as error:
            why = str(error.__cause__ or error).strip()
            if any(words in why for words in WRONG):
                raise Refused(f"DATABASE_URL can not be used: {why}") from error
            if not told:
                tell("database", f"is not there, is waited for: {why}", "yellow")
            told = True
            time.sleep(PAUSE)


def count_connections(chosen: Settings) -> None:
    """Print how many connections this copy may open, and what to do if the server has no room for them.

    Sets DATABASE_PROCESSES in the environment of the processes that are started next, unless it is set.
    """
    count = sum(process.database_processes for process in processes(chosen))
    os.environ.setdefault("DATABASE_PROCESSES", str(count))
    if chosen.on_sqlite:
        return
    with db.reading() as session:
        most = pool.room(session).most
    each = chosen.database_connections
    if too_few := pool.shortage(count, each, most):
        tell("database", too_few, "yellow")
    else:
        tell("database", f"{count} processes may open {count * each} connections, the server has room for {most}")
