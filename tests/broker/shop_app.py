"""A Celery app for the workers that the tests start. Told its broker and its folder by the environment."""

import os
import time
from pathlib import Path

from celery import Celery

import litebroker  # noqa: F401 - teaches kombu the scheme

app = Celery("contract", broker=os.environ.get("CONTRACT_BROKER", "memory://"))
app.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_ignore_result=True,
    task_default_queue=os.environ.get("CONTRACT_QUEUE", "contract"),
    worker_prefetch_multiplier=1,
    worker_send_task_events=True,
    broker_connection_retry_on_startup=True,
)


def write(line: str) -> None:
    """O_APPEND: lines of several processes do not mix."""
    with Path(os.environ["CONTRACT_OUTPUT"]).open("a") as output:
        output.write(f"{line}\n")


@app.task(name="contract.add")
def add(left: int, right: int) -> int:
    write(str(left + right))
    return left + right


@app.task(name="contract.note")
def note(number: int) -> None:
    write(str(number))


@app.task(name="contract.long")
def long(seconds: float) -> None:
    write("started")
    time.sleep(seconds)
    write("ended")
