"""What a Celery worker does beside its tasks: it sweeps, and renews the leases of its calls.

In a prefork worker each child does so, and not the parent: threads and fork do not mix.
"""

from __future__ import annotations

import logging
import random
import threading
from typing import Any

from celery.signals import setup_logging, task_postrun, worker_process_init, worker_process_shutdown, worker_ready
from celery.signals import worker_shutting_down as worker_stopping

import logs
from celery_app import app, dead_letter_queue
from engine import crash
from engine.calls import calls
from engine.sweep import sweep
from engine.timing import SWEEP

log = logging.getLogger(__name__)

_stop = threading.Event()


@setup_logging.connect
def _log_as_json(loglevel: int | str, **_: Any) -> None:
    """Instead of Celery's own: one JSON object a line, with nothing secret in it."""
    logs.configure(logging.getLevelName(loglevel) if isinstance(loglevel, int) else loglevel)


@worker_process_init.connect
def _in_child(**_: Any) -> None:
    _start()


@worker_ready.connect
def _in_worker(sender: Any, **_: Any) -> None:
    _declare_dead_letters()
    if sender.pool.__module__ != "celery.concurrency.prefork":
        _start()


@worker_stopping.connect
@worker_process_shutdown.connect
def _on_shutdown(**_: Any) -> None:
    _stop.set()


@task_postrun.connect
def _after_task(sender: Any, **_: Any) -> None:
    crash.at("after_publish", sender.name)


def _declare_dead_letters() -> None:
    with app.connection_for_write() as connection:
        dead_letter_queue()(connection.default_channel).declare()


def _start() -> None:
    threading.Thread(target=_keep_sweeping, name="sweep", daemon=True).start()


def _keep_sweeping() -> None:
    """About once a second, out of step with the other workers."""
    while not _stop.wait(SWEEP * random.uniform(0.8, 1.2)):  # noqa: S311 - jitter
        try:
            calls().renew_leases()
            sweep()
        except Exception as error:
            # Database or broker away: everything due stays due, the next look finds it.
            log.warning("the sweep could not finish: %r", error)
