"""The cells of the crash matrix, read from the registered workflows, so that a new workflow is drilled by itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import workflows as _  # noqa: F401 - registers them
from celery_app import noun_of, task_modules
from deploy.processes import REMOTE
from engine.crash import POINTS
from engine.plan import Workflow, workflows
from tests.stack.fixtures import PAIRS

DO, UNDO, UNDO_BEGUN = "do", "undo", "undo-begun"
"""What is drilled: a step; the undo of a step that was done; the undo of one that was begun and may have been done."""


@dataclass(frozen=True)
class Cell:
    """One cell: one process dies once, at the crash point `point` of the step's `task`."""

    workflow: Workflow
    index: int
    way: str
    point: str

    def __str__(self) -> str:
        return f"{self.workflow.name}.{self.step}-{self.way}-{self.point}"

    @property
    def step(self) -> str:
        return self.workflow.steps[self.index].name

    @cached_property
    def task(self) -> str:
        step = self.workflow.plan.steps[self.index]
        task = step.do if self.way == DO else step.undo
        assert task is not None
        return task

    @property
    def opens_the_mail_window(self) -> bool:
        """Whether the worker dies between hand-over and record of a mail, after which a second may leave (P4)."""
        by_mail = noun(self.task) in REMOTE["notifications"] or self.task in (
            "campaigns.send_trial",
            "campaigns.remind",
            "campaigns.stock_alert",
        )
        return self.point == "after_call" and by_mail


def registered() -> list[Workflow]:
    """Return the workflows of the product, without those that other tests register."""
    ours = {noun_of(module) for module in task_modules()}
    return [workflow for workflow in workflows.values() if nouns(workflow) <= ours]


def every_cell() -> list[Cell]:
    return [cell for workflow in registered() for cell in cells_of(workflow)]


def cells_of(workflow: Workflow) -> Iterator[Cell]:
    for index, way in _drilled(workflow):
        for point in POINTS:
            yield Cell(workflow, index, way, point)


def sample() -> set[tuple[Cell, str]]:
    """Return some cells with the pair that each runs on: some tasks, and every noun, point and pair."""
    points, pairs = len(POINTS), len(PAIRS)
    return {(Cell(*where, POINTS[i % points]), PAIRS[i % pairs]) for i, where in enumerate(_some_places())}


Place = tuple[Workflow, int, str]


def _some_places() -> list[Place]:
    """Return every twelfth place, and one for each noun that has none among them."""
    places = list(_once_each())
    by_noun = {noun(Cell(*where, POINTS[0]).task): where for where in (*places[1::2], *places[::2])}
    return [where for i, where in enumerate(places) if i % 12 == 0 or where in by_noun.values()]


def _once_each() -> Iterable[Place]:
    """Return one place for each task, though several workflows share some."""
    drilled = [(workflow, *where) for workflow in registered() for where in _drilled(workflow)]
    return {Cell(*where, POINTS[0]).task: where for where in reversed(drilled)}.values()


def stands_at(workflow: Workflow) -> int:
    """Return the index of the last step before which a run can turn back: its pivot, or else its last step."""
    return next((i for i, step in enumerate(workflow.steps) if step.pivot), len(workflow.steps) - 1)


def nouns(workflow: Workflow) -> set[str]:
    plan = workflow.plan
    return {noun(task) for step in plan.steps for task in (step.do, step.undo) if task}


def noun(task: str) -> str:
    return task.split(".", maxsplit=1)[0]


def _drilled(workflow: Workflow) -> Iterator[tuple[int, str]]:
    last = stands_at(workflow)
    for index, step in enumerate(workflow.steps):
        yield index, DO
        if step.undo and index < last:
            yield index, UNDO
        if step.undo and index <= last and step.do.call:  # a local one is begun and done in one transaction
            yield index, UNDO_BEGUN
