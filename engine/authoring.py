"""Decorators that make step tasks: local steps work on a wave in one transaction, remote ones on one run outside any.

A local step is `(session, runs)`. It may return a mapping from run id to an outcome for the runs that did not end well
(or to `Done(output)` to keep something in the journal); a run that the mapping leaves out is done. An exception rolls
the whole wave back; its runs are then taken one by one, and an outcome raised for one of them counts as its result.

A remote step is `(request, key)`. `fetch(session, runs)` first returns, in the transaction that commits the
intent, a request for each run (a run without one has nothing to do and is done; an outcome settles it at once).
The call then happens with no transaction, lock or connection held, and may raise any of `engine.outcomes`.
`remember(session, answers)` writes the results in the transaction that records the step; without it only the journal
holds them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy.orm import Session

from celery_app import app
from engine.claim import Run
from engine.steps import Call, Fetch, Gateway, Hook, Local, Remember, Retry, StepTask, hooks, step_tasks
from engine.work import work


def local_step(name: str, *, retry: Retry | None = None) -> Callable[[Local], StepTask]:
    """Make `(session, runs)` a step task called `name`, which no other step task may have.

    What the function writes is committed together with the journal, or not at all; it must not commit. `retry`: how
    long it is tried again after TryAgain; None: an hour for a `do`, two days for an undo. After any other exception it
    is tried for 15 minutes (`limits.FAULT_PATIENCE`), and then the run needs attention.
    """

    def make(function: Local) -> StepTask:
        return _register(StepTask(name, retry=retry, local=function), function)

    return make


def remote_step(
    name: str,
    *,
    fetch: Fetch,
    remember: Remember | None = None,
    retry: Retry | None = None,
    patience: float = 0.5,
    gateway: Gateway | None = None,
    probe: int = 10,
    good_for: Callable[[Any], float | None] | None = None,
    unsent: dict[str, Any] | None = None,
) -> Callable[[Call], StepTask]:
    """Make `(request, key)` a step task that calls a gateway for each run of a wave, side by side in threads.

    The function returns its output or None, and raises an outcome otherwise. It may be called again with the same key,
    which it must hand to the gateway. `name` and `retry` as for `local_step`.
    patience: seconds a wave waits for its slowest calls before it goes on without them.
    gateway: its name, or a function of the request that returns it. While a gateway is away a few calls probe it and
    the other runs wait (`engine/breaker.py`); `probe`: seconds between two probes at most. None: no breaker.
    good_for: a function of the request: seconds from now after which trying is of no use, for a `do` before the pivot.
    unsent: for an undo, its output where the call that it undoes certainly was never sent; None: it is called anyway.
    """

    def make(function: Call) -> StepTask:
        task = StepTask(name, retry, None, fetch, function, remember, patience, gateway, probe, good_for, unsent)
        return _register(task, function)

    return make


def on_failed(name: str) -> Callable[[Callable[[Session, Sequence[Run]], None]], Hook]:
    """Make `(session, runs)` a hook for `Workflow(on_failed=...)`, called in the transaction that ends runs as failed.

    By then all their undos are done; `run.error` says why they failed. The first hook of a name stays.
    """

    def make(function: Callable[[Session, Sequence[Run]], None]) -> Hook:
        return hooks.setdefault(name, Hook(name, function))

    return make


def _register(step: StepTask, function: Callable[..., Any]) -> StepTask:
    assert step.name not in step_tasks, f"two steps are called {step.name}"
    step_tasks[step.name] = step

    def task(self: Any, ids: list[str], *, suspect: bool = False, **later_fields: Any) -> None:
        work(self, step, ids, suspect=suspect)

    task.__doc__ = function.__doc__
    app.task(task, name=step.name, bind=True)
    return step
