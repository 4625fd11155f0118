"""Workflows and plans. A workflow is a tuple of steps; its plan is that tuple as a run carries it, by task names."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine.states import Direction

if TYPE_CHECKING:
    from engine.steps import Hook, StepTask


@dataclass(frozen=True)
class PlannedStep:
    name: str
    do: str
    undo: str | None
    pivot: bool

    def task(self, direction: str) -> str | None:
        return self.do if direction == Direction.DO else self.undo


@dataclass(frozen=True)
class Plan:
    """The steps of a run, by which it finds its next task in either direction. `id` holds a fingerprint of them."""

    id: str
    workflow: str
    steps: tuple[PlannedStep, ...]
    on_failed: str | None = None

    def task(self, step: int, direction: str) -> str:
        task = self.steps[step].task(direction)
        assert task is not None, f"{self.id} has no {direction} at {step}"
        return task

    def after(self, step: int, direction: str) -> int | None:
        """Return the step to take once this one is done in this direction; None when it was the last."""
        if direction == Direction.DO:
            return step + 1 if step + 1 < len(self.steps) else None
        return self.undo_from(step - 1)

    def undo_from(self, step: int) -> int | None:
        """Return the newest step at or before `step` that has an undo; None if none has."""
        return next((i for i in range(step, -1, -1) if self.steps[i].undo), None)

    def past_pivot(self, step: int) -> bool:
        """Return whether a pivot lies before `step`: from there a run only goes forward."""
        return any(planned.pivot for planned in self.steps[:step])

    def tail(self, step: int, direction: str) -> list[str]:
        """Return the tasks from this step to the last in this direction: the links of a wave's chain."""
        if direction == Direction.DO:
            return [planned.do for planned in self.steps[step:]]
        return [planned.undo for planned in reversed(self.steps[: step + 1]) if planned.undo]


@dataclass(frozen=True)
class Step:
    """One step of a workflow: the task that does it, the one that undoes it (None: nothing to undo), and its name.

    `pivot`: once this step is done, the run no longer turns back.
    """

    name: str
    do: StepTask
    undo: StepTask | None = None
    pivot: bool = False


@dataclass(frozen=True, init=False)
class Workflow:
    """A named tuple of steps: `Workflow("place_order", Step(...), Step(...), on_failed=..., deadline=seconds)`.

    `on_failed` runs in the transaction that ends a run as failed, after its last undo. A run that is not past its
    pivot `deadline` seconds after its start is compensated; None: no deadline. Creating a Workflow registers it under
    its name in `workflows`, in place of an earlier one of that name. Runs under way keep the plan they started with.
    """

    name: str
    steps: tuple[Step, ...]
    on_failed: Hook | None
    deadline: float | None
    plan: Plan = field(compare=False)

    def __init__(self, name: str, *steps: Step, on_failed: Hook | None = None, deadline: float | None = None) -> None:
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "steps", steps)
        object.__setattr__(self, "on_failed", on_failed)
        object.__setattr__(self, "deadline", deadline)
        object.__setattr__(self, "plan", _plan(self))
        workflows[name] = self


@dataclass(frozen=True)
class Named:
    """A workflow by its name, for code that may not import the module that defines it. `check_names` verifies it."""

    name: str

    def __post_init__(self) -> None:
        _named.add(self.name)


class UnknownWorkflow(LookupError):
    """A `Named` names no workflow that has been imported."""


workflows: dict[str, Workflow] = {}
_named: set[str] = set()


def resolve(workflow: Workflow | Named) -> Workflow:
    """Return the workflow itself. Raises UnknownWorkflow for a `Named` whose workflow is not imported."""
    if isinstance(workflow, Workflow):
        return workflow
    if workflow.name not in workflows:
        raise UnknownWorkflow(f"There is no workflow {workflow.name}: is the module that writes it imported?")
    return workflows[workflow.name]


def check_names() -> None:
    """Verify that every `Named` names a workflow; raise UnknownWorkflow with all the wrong names otherwise.

    Call this at start-up, after all imports. A worker does so by itself.
    """
    if unknown := sorted(_named - workflows.keys()):
        raise UnknownWorkflow(f"No workflow is called {', '.join(unknown)}.")


def _plan(workflow: Workflow) -> Plan:
    steps = tuple(
        PlannedStep(step.name, step.do.name, step.undo.name if step.undo else None, step.pivot)
        for step in workflow.steps
    )
    hook = workflow.on_failed.name if workflow.on_failed else None
    return Plan(_fingerprint(workflow.name, steps, hook), workflow.name, steps, hook)


def _fingerprint(name: str, steps: tuple[PlannedStep, ...], hook: str | None) -> str:
    text = json.dumps([as_document(steps), hook], sort_keys=True)
    return f"{name}@{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def as_document(steps: tuple[PlannedStep, ...]) -> list[dict[str, Any]]:
    return [vars(step) for step in steps]


def from_document(id: str, workflow: str, steps: list[dict[str, Any]], on_failed: str | None) -> Plan:
    """Build a plan from its stored form. Unknown fields, written by newer code, are ignored."""
    known = [PlannedStep(s["name"], s["do"], s.get("undo"), bool(s.get("pivot"))) for s in steps]
    return Plan(id, workflow, tuple(known), on_failed)
