"""A ground: a database, queues and a folder for one contender, and the processes that run on them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text

from deploy.child_process import ROOT, Child
from tests.stack.environment import settings


class Died(RuntimeError):
    """A process has ended or failed, or was not done in time. The message has the end of its log."""


class Ground:
    """`run` an act to its end or `learn` its result, `start` processes, `ask` the database, `wait` for a condition."""

    def __init__(self, pair: str, environment: dict[str, str]) -> None:
        self.pair, self.environment = pair, environment
        self.settings = settings(environment)
        self.children: list[Child] = []
        self.asked = 0  # queries so far: PostgreSQL counts each as a commit
        self._engine = create_engine(environment["DATABASE_URL"], isolation_level="AUTOCOMMIT")

    def learn(self, module: str, *arguments: object, **environment: str) -> Any:
        """Run `python -m module` and return the last line of its output, read as JSON. Raises Died if it fails."""
        return json.loads(self.run(module, *arguments, **environment).splitlines()[-1])

    def run(self, module: str, *arguments: object, **environment: str) -> str:
        """Run `python -m module` and return its output. Raises Died if it fails."""
        command = [sys.executable, "-m", module, *map(str, arguments)]
        log = self._log(module)
        with log.open("ab") as errors:
            done = subprocess.run(
                command, cwd=ROOT, env=self._all(environment), stdout=subprocess.PIPE, stderr=errors, check=False
            )
        if done.returncode:
            raise Died(f"{module} ended with {done.returncode}:\n{_end_of(log)}")
        return done.stdout.decode()

    def start(self, name: str, argv: tuple[str, ...], **environment: str) -> Child:
        child = Child(name, argv, self._all(environment), self._log(name))
        child.start()
        self.children.append(child)
        return child

    def dismiss(self, child: Child, seconds: float = 40.0) -> None:
        """Ask the process to stop, and kill it after `seconds`: it may have children of its own to stop."""
        child.ask_to_stop()
        deadline = time.monotonic() + seconds
        while child.exit_code() is None and time.monotonic() < deadline:
            time.sleep(0.1)
        child.kill()
        self.children.remove(child)

    def stop(self) -> None:
        """Kill every process that was started."""
        for child in self.children:
            child.kill()
        self.children = []

    def ask(self, query: str) -> Any:
        """Run a query that gives one row; return the row, or its value if it has one column."""
        self.asked += 1
        with self._engine.connect() as connection:
            row = connection.execute(text(query)).one()
        return row[0] if len(row) == 1 else row

    def do(self, *statements: str) -> None:
        with self._engine.connect() as connection:
            for statement in statements:
                connection.execute(text(statement))

    def wait(self, enough: Callable[[], object], what: str, seconds: float = 300.0, pause: float = 0.05) -> None:
        """Wait until `enough()`. Raises Died as soon as one of the processes ends, and after `seconds`."""
        deadline = time.monotonic() + seconds
        while not enough():
            for child in self.children:
                if child.exit_code() is not None:
                    raise Died(f"{child.name} ended with {child.exit_code()}:\n{_end_of(child.log)}")
            if time.monotonic() > deadline:
                logs = "\n".join(f"--- {child.name}\n{_end_of(child.log)}" for child in self.children)
                raise Died(f"waited {seconds:g} s in vain for {what}\n{logs}")
            time.sleep(pause)

    def end_of_log(self, name: str) -> str:
        return _end_of(self._log(name))

    def close(self) -> None:
        self.stop()
        self._engine.dispose()

    def _log(self, name: str) -> Path:
        return self.settings.state_dir / f"{name}.log"

    def _all(self, environment: dict[str, str]) -> dict[str, str]:
        return {**os.environ, **self.environment, "PYTHONUNBUFFERED": "1", **environment}


def _end_of(log: Path, lines: int = 25) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
