"""DBOS: one durable workflow per order, four steps, on its own queue in PostgreSQL.

`python -m benchmarks.peers.dbos_queue serve NAME` is one of its processes, `prepare` makes its tables. The workflow is
enqueued in the order's own transaction. Its steps are plain ones (a crash between the shop's commit and DBOS's
checkpoint runs one twice) or, with PEER_EXACT=1, datasource transactions at READ COMMITTED (shop's SQL and checkpoint
in one commit), which cost more: six further commits per order. Both are measured, the faster counts.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from functools import cache
from typing import cast

from dbos import DBOS, DBOSClient, DBOSConfig, SQLAlchemyDatasource
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from benchmarks.peers.database import transaction
from benchmarks.peers.steps import STEPS
from config import settings

QUEUE, WORKFLOW, VERSION = "orders", "place_order", "1"
EXACT = os.environ.get("PEER_EXACT") == "1"
THREADS = int(os.environ.get("PEER_THREADS", "8"))
POLLING = float(os.environ.get("PEER_POLLING", "0.05"))


def begin(session: Session, order_id: str) -> None:
    options = {"queue_name": QUEUE, "workflow_name": WORKFLOW, "app_version": VERSION}
    _client().enqueue_in_transaction(session, options, order_id)  # type: ignore[arg-type]


def hand_over(order_id: str) -> None:
    """Do nothing: the queue is in the database, and `begin` has written to it."""


@cache
def _client() -> DBOSClient:
    return DBOSClient(system_database_url=settings().database_url)


def launch(name: str) -> None:
    config: DBOSConfig = {
        "name": "orders",
        "system_database_url": settings().database_url,
        "application_version": VERSION,
        "executor_id": name,
        "sys_db_pool_size": THREADS + 4,
        "db_engine_kwargs": {"pool_pre_ping": False},
        "log_level": "WARNING",
    }
    DBOS(config=config)
    engine = create_engine(settings().database_url, pool_size=THREADS, max_overflow=2)
    _register(SQLAlchemyDatasource.create(settings().database_url, engine=engine))
    DBOS.launch()
    DBOS.register_queue(QUEUE, worker_concurrency=THREADS, polling_interval_sec=POLLING, on_conflict="always_update")


def _register(source: SQLAlchemyDatasource) -> None:
    durable = [_durable(source, step) if EXACT else _checkpointed(step) for step in STEPS]

    @DBOS.workflow(name=WORKFLOW)
    def place_order(order_id: str) -> None:
        for step in durable:
            step(order_id)


def _durable(source: SQLAlchemyDatasource, step: Callable[[Session, str], None]) -> Callable[[str], None]:
    @source.transaction(name=step.__name__, isolation_level="READ COMMITTED")
    def run(order_id: str) -> None:
        step(source.sql_session(), order_id)

    return run  # type: ignore[no-any-return]


def _checkpointed(step: Callable[[Session, str], None]) -> Callable[[str], None]:
    @DBOS.step(name=step.__name__)
    def run(order_id: str) -> None:
        with transaction() as session:
            step(session, order_id)

    return cast(Callable[[str], None], run)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["prepare"]:
            launch("prepare")
            DBOS.destroy()
        case ["serve", name]:
            launch(name)
            signal.pause()
        case _:
            sys.exit(__doc__)
