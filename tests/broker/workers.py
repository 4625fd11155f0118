"""Real Celery workers in processes of their own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from celery import Celery

from deploy.child_process import bury, ended_with
from tests.broker import shop_app
from tests.broker.talk import eventually

ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True)
class Site:
    """One broker, one queue and one file that the tasks write to."""

    url: str
    queue: str
    folder: Path

    @property
    def output(self) -> Path:
        return self.folder / "output"

    def lines(self) -> list[str]:
        return self.output.read_text().splitlines() if self.output.exists() else []

    def environment(self) -> dict[str, str]:
        ours = {"CONTRACT_BROKER": self.url, "CONTRACT_QUEUE": self.queue, "CONTRACT_OUTPUT": str(self.output)}
        theirs = {"BROKER_URL": self.url, "C_FORCE_ROOT": "1"}  # the celery command reads this variable by itself
        return {**os.environ, **ours, **theirs}

    @contextmanager
    def app(self) -> Iterator[Celery]:
        """The tests' side: it only sends and asks."""
        app = Celery("contract-tests", broker=self.url, set_as_current=False)
        app.conf.update(shop_app.app.conf.changes)
        app.conf.update(broker_url=self.url, task_default_queue=self.queue)
        try:
            yield app
        finally:
            app.close()

    def start(self, pool: str = "prefork", concurrency: int = 2) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "celery", "-A", "tests.broker.shop_app", "worker", "-P", pool,
                   "-c", str(concurrency), "-l", "INFO", "-n", f"w{time.time_ns()}@%h"]  # fmt: skip
        with (self.folder / "worker.log").open("ab") as log:
            return subprocess.Popen(
                command, cwd=ROOT, env=self.environment(), stdout=log, stderr=log, start_new_session=True
            )

    @contextmanager
    def worker(self, pool: str = "prefork") -> Iterator[subprocess.Popen[bytes]]:
        process = self.start(pool)
        try:
            yield process
        finally:
            if process.returncode is None:
                os.kill(process.pid, signal.SIGTERM)
            try:
                eventually(True, lambda: ended_with(process) is not None, within=10)
            finally:
                bury(process)
