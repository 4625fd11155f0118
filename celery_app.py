"""The Celery application: queues, routes and settings. It names its task modules and imports none of them."""

from __future__ import annotations

from typing import Any

from celery import Celery
from kombu.entity import Exchange, Queue

import litebroker  # noqa: F401 - registers the litebroker:// transport with kombu
from beat_schedule import BEAT
from config import Settings, settings

TASK_MODULES = (
    "tasks.stock",
    "tasks.payments",
    "tasks.orders",
    "tasks.returns",
    "tasks.notifications",
    "tasks.accounts",
    "tasks.imports",
    "tasks.reconciliations",
    "tasks.campaigns",
    "tasks.webhooks",
    "tasks.maintenance",
)
DELIVERY_LIMIT = 5
QUIET = ("engine.probe", "maintenance.poke", "maintenance.start_due_campaigns")
"""Tasks that are sent every few seconds for ever: no task events are published for them."""


def task_modules() -> tuple[str, ...]:
    return (*TASK_MODULES, *settings().task_modules)


def noun_of(module: str) -> str:
    """Return the noun of a task module: `stock` for `tasks.stock`."""
    return module.rpartition(".")[-1]


def queue_of(task: str) -> str:
    """Return the queue of a task by its noun: `orderwave.stock` for `stock.reserve`."""
    return settings().queue_prefix + task.split(".", maxsplit=1)[0]


def queues() -> list[Queue]:
    """Return one durable queue for each noun.

    A message delivered more than DELIVERY_LIMIT times goes to the dead letters.
    """
    names = [queue_of(noun_of(module) + ".") for module in task_modules()]
    return [_queue(name) for name in names]


def dead_letter_queue() -> Queue:
    name = settings().queue_prefix + "dead"
    return Queue(name, Exchange(name, type="fanout", durable=True), durable=True, queue_arguments=_queue_type())


def _queue(name: str) -> Queue:
    arguments = {
        **_queue_type(),
        "x-delivery-limit": DELIVERY_LIMIT,
        "x-dead-letter-exchange": settings().queue_prefix + "dead",
    }
    return Queue(name, _exchange(), routing_key=name, durable=True, queue_arguments=arguments)


def _exchange() -> Exchange:
    return Exchange(settings().queue_prefix + "tasks", type="topic", durable=True)


def _queue_type() -> dict[str, Any]:
    return {"x-queue-type": "quorum"} if settings().on_rabbitmq else {}


def _route(name: str, *_: Any, **__: Any) -> dict[str, str] | None:
    """Route a task by its noun; the engine's own messages name their queue themselves."""
    return None if name.startswith("engine.") else {"queue": queue_of(name)}


def _transport_options(chosen: Settings) -> dict[str, Any]:
    if not chosen.on_rabbitmq:
        return {}
    # Without confirms a dying broker loses messages silently; without timeouts a half-open connection blocks.
    return {"confirm_publish": True, "read_timeout": 5, "write_timeout": 5, "connect_timeout": 2}


def _make(chosen: Settings) -> Celery:
    app = Celery(
        "orderwave", broker=chosen.broker_url, amqp="engine.untracked_messages:AMQP", events="engine.events:Events"
    )
    app.conf.update(
        include=["engine.worker", *task_modules(), "workflows"],
        task_queues=queues(),
        task_routes=(_route,),
        task_default_queue=queue_of("maintenance."),
        task_default_exchange=chosen.queue_prefix + "tasks",
        task_default_exchange_type="topic",
        task_create_missing_queues=False,
        task_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
        result_expires=None,  # there are none: beat has nothing to clean up
        task_annotations={name: {"send_events": False} for name in QUIET},
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_publish_retry_policy={"max_retries": 0},
        worker_prefetch_multiplier=1,
        # Steps wait for the database and for gateways, a wave at a time: a few threads do. And a SIGTERM to the
        # whole process group, as systemd and timeout(1) send it, can hang a prefork worker for ever in billiard.
        # For prefork all the same pass `-P processes`: Celery takes `-P prefork` for the default, here threads.
        worker_consumer="engine.consumer:Consumer",
        worker_pool="threads",
        worker_concurrency=4,
        worker_send_task_events=True,
        task_send_sent_event=True,
        worker_soft_shutdown_timeout=20,
        worker_enable_soft_shutdown_on_idle=True,
        worker_cancel_long_running_tasks_on_connection_loss=True,  # where the pool can: see engine/worker.py
        worker_hijack_root_logger=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_connection_timeout=2,
        broker_heartbeat=10,
        broker_transport_options=_transport_options(chosen),
        control_queue_exclusive=False,
        control_queue_durable=True,
        event_queue_exclusive=False,
        event_queue_durable=True,
        event_queue_prefix=chosen.queue_prefix + "events",
        control_exchange=chosen.queue_prefix + "control",
        event_exchange=chosen.queue_prefix + "events",
        beat_schedule=BEAT,
        beat_schedule_filename=str(chosen.state_dir / "celerybeat-schedule"),
        enable_utc=True,
        timezone="UTC",
    )
    return app


app = _make(settings())
