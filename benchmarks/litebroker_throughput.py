"""Measure no-op Celery tasks per second: litebroker and RabbitMQ in one run on one machine.

    python benchmarks/litebroker_throughput.py [--tasks 5000] [--prefetch 1] [--pool prefork] [--only litebroker]

The tasks are published first, by one process and one at a time; then a worker drains them. The clock of the drain
runs from the first task's start to the last one's, so the worker's own start is not in it.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from celery import Celery
from kombu import Connection

sys.path.insert(0, str(Path(__file__).parent.parent))
import litebroker  # noqa: F401 - registers the litebroker:// transport with kombu

RABBITMQ = os.environ.get("RABBITMQ_URL", "amqp://guest:guest@127.0.0.1:5672//")

app = Celery("throughput", broker=os.environ.get("BENCH_BROKER", "memory://"))
app.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_ignore_result=True,
    task_default_queue=os.environ.get("BENCH_QUEUE", "throughput"),
    worker_prefetch_multiplier=int(os.environ.get("BENCH_PREFETCH", "1")),
    worker_send_task_events=os.environ.get("BENCH_EVENTS") == "1",
    broker_connection_retry_on_startup=True,
)


@app.task(name="bench.noop")
def noop() -> None:
    """Do nothing: only the way through the broker is measured."""


@app.task(name="bench.mark")
def mark(path: str) -> None:
    Path(path).write_text(str(time.time()))


def publish(count: int, first: str, last: str) -> None:
    """Publish the tasks, in a process whose app starts with the right broker, and print tasks per second."""
    started = time.perf_counter()
    mark.delay(first)
    for _ in range(count):
        noop.delay()
    mark.delay(last)
    print(count / (time.perf_counter() - started))


def published(count: int, first: Path, last: Path, environment: dict[str, str]) -> float:
    code = f"import {Path(__file__).stem} as b; b.publish({count}, {str(first)!r}, {str(last)!r})"
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command,
        cwd=Path(__file__).parent,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)


@contextmanager
def worker(pool: str, environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    here = Path(__file__)
    command = [sys.executable, "-m", "celery", "-A", here.stem, "worker", "-P", pool, "-c", "2", "-l", "WARNING"]
    process = subprocess.Popen(
        command,
        cwd=here.parent,
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)


def drain(count: int, first: Path, last: Path, pool: str, environment: dict[str, str]) -> float:
    """Start a worker, wait until the tasks are done, and return tasks per second."""
    with worker(pool, environment) as process:
        deadline = time.monotonic() + 300
        while not (last.exists() and last.read_text()):
            if time.monotonic() > deadline or process.poll() is not None:
                raise TimeoutError(f"{count} tasks were not done: the worker ended, or 300 s were not enough")
            time.sleep(0.05)
    return count / (float(last.read_text()) - float(first.read_text()))


def measure(broker: str, options: argparse.Namespace) -> tuple[float, float]:
    queue = f"bench-{uuid.uuid4().hex}"
    environment = {
        "BENCH_BROKER": broker,
        "BENCH_QUEUE": queue,
        "BENCH_PREFETCH": str(options.prefetch),
        "BENCH_EVENTS": str(int(options.events)),
    }
    with tempfile.TemporaryDirectory() as folder:
        first, last = Path(folder, "first"), Path(folder, "last")
        try:
            rate = published(options.tasks, first, last, environment)
            return rate, drain(options.tasks, first, last, options.pool, environment)
        finally:
            with Connection(broker) as connection:
                connection.default_channel.queue_delete(queue)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, default=5000)
    parser.add_argument("--prefetch", type=int, default=1, help="worker_prefetch_multiplier")
    parser.add_argument("--pool", default="prefork", choices=["prefork", "threads", "solo"])
    parser.add_argument("--events", action="store_true", help="send task events, as Flower wants")
    parser.add_argument("--only", choices=["litebroker", "rabbitmq"])
    return parser.parse_args()


def main() -> None:
    options = arguments()
    print(f"{options.tasks} no-op tasks, pool {options.pool} of 2, prefetch multiplier {options.prefetch}, late acks")
    with tempfile.TemporaryDirectory() as folder:
        for name, broker in (("litebroker", f"litebroker:///{folder}/broker.db"), ("rabbitmq", RABBITMQ)):
            if options.only in (None, name):
                sent, drained = measure(broker, options)
                print(f"{name:12} published {sent:6.0f}/s   drained {drained:6.0f}/s", flush=True)
    print("One run. On a machine shared with other work the digits move by a factor of three, and so may the order.")


if __name__ == "__main__":
    main()
