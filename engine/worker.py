"""What a Celery worker does beside its tasks: it sweeps, renews the leases of its calls and pokes the clock.

In a prefork worker each child does so, and not the parent: threads and fork do not mix.
"""

from __future__ import annotations

import logging
import os
import random
import signal
import threading
from typing import Any

from celery.concurrency.base import BasePool
from celery.signals import (
    setup_logging,
    task_postrun,
    worker_process_init,
    worker_process_shutdown,
    worker_ready,
    worker_shutdown,
)
from celery.signals import worker_shutting_down as worker_stopping

import logs
from celery_app import app, dead_letter_queue
from engine import crash, dispatch, outages, remote
from engine.calls import calls
from engine.limits import LAST_CALLS, LONGEST_GOODBYE, SWEEP
from engine.plan import check_names
from engine.poking import Poker
from engine.sweep import sweep, watch

log = logging.getLogger(__name__)

_stopping = threading.Event()
_ended = threading.Event()


@setup_logging.connect
def _log_as_json(loglevel: int | str, **_: Any) -> None:
    """Configure logging instead of Celery: one JSON object a line, with nothing secret in it."""
    logs.configure(logging.getLevelName(loglevel) if isinstance(loglevel, int) else loglevel)


@worker_process_init.connect
def _in_child(**_: Any) -> None:
    _start()


@worker_ready.connect
def _in_worker(sender: Any, **_: Any) -> None:
    check_names()
    _declare_dead_letters()
    _kill_only_what_can_be_killed(sender)
    if sender.pool.__module__ != "celery.concurrency.prefork":
        _start()


@worker_stopping.connect
def _asked_to_stop(**_: Any) -> None:
    """Stop sweeping, and start a timer that ends this process as by kill -9, which is safe.

    Celery can wait for ever for a broker that has fallen silent.
    """
    _stopping.set()
    last_resort = threading.Timer(LONGEST_GOODBYE, _leave)
    last_resort.daemon = True
    last_resort.start()


def _leave() -> None:
    log.error("asked to stop %s s ago and still here: leaving as by kill -9", LONGEST_GOODBYE)
    os.kill(os.getpid(), signal.SIGKILL)


@worker_shutdown.connect
@worker_process_shutdown.connect
def _finish(**_: Any) -> None:
    """Wait for calls that outlasted their tasks, record their answers and send what follows.

    Celery's tasks are done by then.
    """
    _stopping.set()
    if not remote.finish_calls(LAST_CALLS):
        log.warning("some calls have not answered; their leases run out and the same keys are asked again")
    dispatch.finish_sending(dispatch.GOODBYE)
    _ended.set()


@task_postrun.connect
def _after_task(sender: Any, **_: Any) -> None:
    crash.at("after_publish", sender.name)


def _declare_dead_letters() -> None:
    with app.connection_for_write() as connection:
        dead_letter_queue()(connection.default_channel).declare()


def _kill_only_what_can_be_killed(consumer: Any) -> None:
    """Have Celery kill processes that lose the broker, so that none runs beside its own message, delivered again.

    Threads cannot be killed: Celery would only log a traceback for each. They finish their task, and the second
    delivery finds its runs done, or under a lease.
    """
    kills = getattr(consumer.pool.terminate_job, "__func__", None) is not BasePool.terminate_job
    consumer.app.conf.worker_cancel_long_running_tasks_on_connection_loss = kills


def _start() -> None:
    threading.Thread(target=_keep_looking, name="sweep", daemon=True).start()


def _keep_looking() -> None:
    """Look after leases, outages, the sweep and the clock about once a second, out of step with the other workers.

    A worker that was asked to stop only renews the leases of its calls.
    """
    poker = Poker()
    while not _ended.wait(SWEEP * random.uniform(0.8, 1.2)):  # noqa: S311 - jitter
        try:
            calls().renew_leases()
            if not _stopping.is_set():
                outages.look()
                sweep()
                poker.look(watch.now())
        except Exception as error:
            # Database or broker away: everything due stays due, the next look finds it.
            log.warning("the sweep could not finish: %r", error)
