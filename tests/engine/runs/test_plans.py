"""A run keeps the step list it started with; old and new code live side by side."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import select, update

import db
from celery_app import app
from engine import State, Step, Workflow, plans, workflows
from engine.outcomes import Refused
from engine.plan import from_document
from engine.tables import PlanRow
from tests.engine.driver import Driver, Message
from tests.engine.parcels import hand_over, label, pack, returned, script, send_parcel, unlabel, unpack


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    yield
    workflows["send_parcel"] = send_parcel


def redefined() -> Workflow:
    """Labels first, packs then, and tells nobody."""
    return Workflow(
        "send_parcel",
        Step("label", do=label, undo=unlabel),
        Step("pack", do=pack, undo=unpack),
        Step("hand_over", do=hand_over, pivot=True),
        on_failed=returned,
    )


def test_a_run_keeps_its_steps_when_the_workflow_is_redefined(driver: Driver) -> None:
    old = driver.start("p1")
    driver.deliver()
    new = driver.start("p2", workflow=redefined())
    driver.drain()
    assert driver.effects(old) == ["pack", "label", "hand_over", "tell"]
    assert driver.effects(new) == ["label", "pack", "hand_over"]
    assert [driver.status(id) for id in (old, new)] == [State.SUCCEEDED, State.SUCCEEDED]


def test_a_run_of_the_old_plan_is_undone_by_the_old_plan(driver: Driver) -> None:
    old = driver.start("p1")
    driver.deliver()
    redefined()
    script.always("hand_over", "p1", Refused("no_van"))
    driver.drain()
    assert driver.effects(old) == ["pack", "label", "unlabel", "unpack", "returned"]
    assert driver.status(old) == State.FAILED


def test_a_process_that_never_saw_the_plan_reads_it_from_the_database(driver: Driver) -> None:
    id = driver.start()
    plans.forget()
    driver.drain()
    assert driver.effects(id) == ["pack", "label", "hand_over", "tell"]


def test_runs_of_both_plans_share_a_task_without_mixing(driver: Driver) -> None:
    """A message may name runs that came by different ways; each goes on along its own."""
    old = driver.start("p1")
    new = driver.start("p2", workflow=redefined())
    driver.lose_all()
    driver.deliver(_label(old, new))
    assert [driver.row(id).task for id in (old, new)] == ["parcels.pack", "parcels.pack"]
    assert [driver.row(id).step for id in (old, new)] == [0, 1]
    assert driver.effects(old) == []


def _label(*ids: str) -> Message:
    return Message(("parcels.label",), ids)


def test_the_same_steps_are_the_same_plan(driver: Driver) -> None:
    driver.start("p1")
    driver.start("p2", workflow=redefined())
    driver.start("p3", workflow=redefined())
    with db.reading() as session:
        assert len(session.scalars(select(PlanRow.id)).all()) == 2


def test_unknown_fields_of_a_stored_plan_are_passed_over(driver: Driver) -> None:
    id = driver.start()
    with db.transaction() as session:
        row = session.scalars(select(PlanRow)).one()
        steps = [{**step, "colour": "blue"} for step in row.steps]
        session.execute(update(PlanRow).values(steps=steps))
    plans.forget()
    driver.drain()
    assert driver.status(id) == State.SUCCEEDED


def test_fields_that_older_code_did_not_write_have_their_defaults() -> None:
    plan = from_document("p@1", "p", [{"name": "pack", "do": "parcels.pack"}], None)
    assert (plan.steps[0].undo, plan.steps[0].pivot) == (None, False)


def test_unknown_fields_of_a_message_are_passed_over(driver: Driver) -> None:
    id = driver.start()
    app.tasks["parcels.pack"](list(driver.mail[0].ids), colour="blue")
    assert driver.effects(id) == ["pack"]
    assert driver.journal(id) == [("pack", "do", "done", 1)]
