"""Every step and every undo of every workflow x every crash point x both pairs (P1, P2, P3, P4, P8).

One process dies by kill -9, at one point, once. The test starts it again, as the supervisor would; meanwhile other
customers order. The judge decides. `cells.py` has the cells.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.crash import POINTS
from tests.faults.crashes.cells import (
    DO,
    UNDO,
    UNDO_BEGUN,
    Cell,
    cells_of,
    every_cell,
    noun,
    registered,
    sample,
    stands_at,
)
from tests.faults.crashes.scene import Scene
from tests.faults.judge import Judge, Kept
from tests.faults.workflow_starters import OPENERS
from tests.stack.fixtures import PAIRS
from workflows import place_order

SAMPLE = sample()


def _marked(cell: Cell) -> object:
    pairs = [pair for pair in PAIRS if (cell, pair) in SAMPLE]
    return pytest.param(cell, marks=[pytest.mark.sample(*pairs)] if pairs else [])


@pytest.mark.parametrize("cell", [_marked(cell) for cell in every_cell()], ids=str)
def test_p1_p2_p3_p4_p8_a_run_survives_a_kill(scene: Scene, cell: Cell) -> None:
    judge = Judge(scene.stack)
    victim = _killed_doing(scene, cell) if cell.way == DO else _killed_undoing(scene, cell)
    judge.add(replace(victim, may_be_told_twice=cell.opens_the_mail_window))
    dead = scene.bury(cell.task)
    scene.others_order(judge)
    dead.launch()
    scene.others_order(judge)
    judge.faults_are_over()
    tally = judge.verdict()
    if cell.way != DO:
        assert (cell.step, "undo", "done") in _steps(victim)
    tally.must_be_clean()


def _killed_doing(scene: Scene, cell: Cell) -> Kept:
    scene.arm(cell.task, cell.point)
    return scene.open(cell.workflow)


def _killed_undoing(scene: Scene, cell: Cell) -> Kept:
    """Stop the run by a first crash, cancel it before another worker can take it further, and arm the undo."""
    task, point = _stand(cell)
    scene.arm(task, point)
    victim = scene.open(cell.workflow)
    stopped = scene.bury(task)
    victim.client.get("POST", f"/api/jobs/{victim.job_id}/cancel")
    scene.arm(cell.task, cell.point)
    if not stopped.alive:
        stopped.launch()
    return replace(victim, ends=("failed:cancelled",))


def _stand(cell: Cell) -> tuple[str, str]:
    """Return task and crash point that stop a run with this step begun and its answer unknown, or with everything done
    that can be undone."""
    steps = cell.workflow.plan.steps
    if cell.way == UNDO_BEGUN:
        return steps[cell.index].do, "after_call"
    return steps[stands_at(cell.workflow)].do, "before_transaction"


def _steps(kept: Kept) -> list[tuple[str, str, str]]:
    return [(step["name"], step["direction"], step["status"]) for step in kept.client.job(kept.job_id)["steps"]]


# --- the matrix itself --------------------------------------------------------------------------------


@pytest.mark.sample
def test_every_workflow_has_an_opener() -> None:
    without = [workflow.name for workflow in registered() if workflow.name not in OPENERS]
    assert without == [], f"tests/faults/workflow_starters.py does not say how a stranger starts {', '.join(without)}"


@pytest.mark.sample
def test_every_step_has_a_cell_at_every_point() -> None:
    cells = {(cell.workflow.name, cell.step, cell.way, cell.point) for cell in every_cell()}
    steps = [(workflow.name, step.name) for workflow in registered() for step in workflow.steps]
    assert {(*step, DO, point) for step in steps for point in POINTS} <= cells


@pytest.mark.sample
def test_so_has_every_undo_of_a_step_done_and_of_a_remote_one_begun() -> None:
    undos = [(cell.task, cell.way, cell.point) for cell in cells_of(place_order) if cell.way != DO]
    kinds = [("stock.release", UNDO), ("payments.refund", UNDO), ("payments.refund", UNDO_BEGUN)]
    assert undos == [(*kind, point) for kind in kinds for point in POINTS]


@pytest.mark.sample
def test_the_sample_has_every_noun_every_point_and_both_pairs() -> None:
    assert {noun(cell.task) for cell, _ in SAMPLE} == {noun(cell.task) for cell in every_cell()}
    assert {cell.point for cell, _ in SAMPLE} == set(POINTS)
    assert {pair for _, pair in SAMPLE} == set(PAIRS)
