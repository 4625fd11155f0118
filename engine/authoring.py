"""What a step author writes: local steps work on a wave in one transaction, remote ones on one run outside of any.

A local step is `(session, runs)`. It may answer with a mapping from run id to an outcome for the runs that
did not end well (or with `Done(output)` to have something remembered); a run it does not mention is done.

A remote step is `(request, key)`. `fetch(session, runs)` first gathers, in the transaction that commits the
intent, a request for each run (a run without one has nothing to do and is done; an outcome settles it at once).
The call then happens with no transaction, lock or connection held, and may raise any of `outcomes`.
`remember(session, answers)` writes what came of it in the transaction that records the step; without it the journal
holds all there is to know.
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
    """Make `(session, runs)` a step task. Everything it does is committed with the journal, or not at all."""

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
    """Make `(request, key)` a step task that calls the outside once for each run, side by side.

    patience: seconds a wave waits for its slowest calls before it goes on without them.
    gateway: whom it calls, by name or read off the request. While that one is away a few calls probe it, and the other
    runs wait without any (`engine/breaker.py`); `probe`: seconds between two such probes at most.
    good_for: seconds from now, read off the request, after which trying is of no use whatever the run's deadline says.
    unsent: of an undo, its output where the call that it undoes certainly never left the house. Without it, it asks.
    """

    def make(function: Call) -> StepTask:
        task = StepTask(name, retry, None, fetch, function, remember, patience, gateway, probe, good_for, unsent)
        return _register(task, function)

    return make


def on_failed(name: str) -> Callable[[Callable[[Session, Sequence[Run]], None]], Hook]:
    """Make `(session, runs)` the last word on runs that failed, said in the transaction that ends them."""

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
