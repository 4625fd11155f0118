"""The scene of a cell: a stack whose workers can be armed with a crash point, while others order."""

from __future__ import annotations

from itertools import count
from pathlib import Path

from engine.plan import Workflow
from tests.faults.crashes.cells import noun
from tests.faults.judge import Judge, Kept
from tests.faults.workflow_starters import opener_of
from tests.sandboxes import wait_until
from tests.stack import Handle, Stack

DEATH_SECONDS = 60.0


class Scene:
    """`arm` a worker, `open` a run, `bury` the worker once it has died; meanwhile `others_order`."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self._staff = stack.client(role="staff")
        self._others = [stack.client() for _ in range(2)]
        self._sku = stack.sku(on_hand=100_000)
        self._armed: dict[str, Path] = {}
        self._numbers = count(1)

    def reset(self) -> None:
        """Clean up after the cell before: no worker is armed, all processes run, no run is under way."""
        self._armed.clear()
        self.stack.heal()
        wait_until(self._is_quiet, seconds=60, what="what was under way to end")

    def arm(self, task: str, point: str) -> None:
        """Restart the worker of this task so that it dies at this point, once."""
        name, once = noun(task), self.stack.state_dir / f"died-{next(self._numbers)}"
        self.stack.workers[name].kill9()
        self.stack.workers[name].launch(ORDERWAVE_CRASH=f"{task}:{point}", ORDERWAVE_CRASH_ONCE=str(once))
        self._armed[name] = once

    def open(self, workflow: Workflow) -> Kept:
        return opener_of(workflow.name)(self.stack, self._staff)

    def bury(self, task: str) -> Handle:
        """Wait until the worker that was armed for this task has died at its point, and return its handle."""
        handle, once = self.stack.workers[noun(task)], self._armed.pop(noun(task))
        handle.wait_until_dead(DEATH_SECONDS)
        assert once.exists(), f"{handle.name} ended otherwise than it was armed to:\n{handle.tail()}"
        return handle

    def others_order(self, judge: Judge) -> None:
        for client in self._others:
            judge.keep(client, client.place(self._sku))

    def _is_quiet(self) -> bool:
        """A reminder waits for its hour, whatever has become of its payment meanwhile."""
        open_runs = (
            "SELECT count(*) AS n FROM runs WHERE state NOT IN ('succeeded', 'failed', 'needs_attention') "
            "AND NOT (workflow = 'remind_of_payment' AND hold = 'backoff')"
        )
        return bool(self.stack.shelf.rows(open_runs)[0]["n"] == 0)
