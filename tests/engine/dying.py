"""Run as a program: takes runs through one step as a worker does, each in a child that is armed to die on the way.

Reads lines of `point run-id`, says for each how its child ended. What the carrier did is written to a file.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from celery.app.trace import build_tracer

import engine.worker  # noqa: F401 - connects `after_publish`
import logs
from celery_app import app, queue_of
from db.schema import new_id
from tests.engine.parcels import carrier, send_parcel


def main(task: str, ledger: Path) -> None:
    logs.configure("WARNING")  # to stderr: what is printed is read
    carrier.act = lambda key: _write(ledger, key)  # type: ignore[method-assign]
    for line in sys.stdin:
        point, id = line.split()
        child = os.fork()
        if child == 0:
            os.environ["ORDERWAVE_CRASH"] = f"{task}:{point}"
            _deliver(task, id)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        print(id, signal.Signals(os.WTERMSIG(status)).name if os.WIFSIGNALED(status) else "lived", flush=True)


def _deliver(task: str, id: str) -> None:
    """With Celery's own tracer, which sends the next link of the chain."""
    tasks = send_parcel.plan.tail(0, "do")
    rest = tasks[tasks.index(task) + 1 :]
    chain = [app.signature(name, args=([id],), immutable=True, queue=queue_of(name)) for name in reversed(rest)]
    request = {"id": new_id(), "chain": chain, "delivery_info": {}, "is_eager": False, "args": [[id]], "kwargs": {}}
    build_tracer(task, app.tasks[task], app=app)(request["id"], [[id]], {}, request)


def _write(ledger: Path, key: str) -> None:
    with ledger.open("a") as lines:
        lines.write(key + "\n")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
