"""Who may turn a job back or settle its step by hand: every workflow, every party, whoever asked for it."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import select, update

import db
import engine
import workflows
from db.schema import new_id
from doctor import fulfilment
from engine.states import Hold, State
from engine.tables import RunRow
from tests.api.bank import Bank
from tests.api.catalogue_data import SHIPPING, guests_cart, guests_order, order, paid, put_on_shelf, shipped
from tests.api.clients import People, Person, ask, post, problem
from tests.api.inline_worker import drive
from tests.api.staff_view import payment, standing
from workflows.permissions import ALL, NOBODY, SKIP, STAFF, TURN_BACK

pytestmark = pytest.mark.usefixtures("sent")

NEVER = (409, "not_allowed_for_this_job")
FORBIDDEN = (403, "forbidden")


@pytest.fixture(autouse=True)
def _goods(bank: Bank) -> None:
    put_on_shelf("CHAIR", price=1999, on_hand=9)


@pytest.fixture
def admin(people: People) -> Person:
    return people.join("Root", role="admin")


def begin(workflow: str, order_id: str, by: str | None) -> str:
    with db.transaction() as session:
        about = {"subject": ("order", order_id), "input": {"payment": new_id(), "return": new_id(), "amount": 1}}
        return engine.start(session, engine.workflows[workflow], key=new_id(), **about, by=by).id


def asked_to_turn(job: str) -> bool:
    with db.reading() as session:
        return session.get_one(RunRow, job).cancel_requested


def captures(staff: Person) -> list[str]:
    return [job["id"] for job in staff.get("/api/jobs?workflow=capture_payment").json["items"]]


def unpaid() -> list[str]:
    with db.reading() as session:
        return list(fulfilment.what_left_is_paid_for(session))


def put_to_attention(job: str, step: int) -> None:
    """As the engine leaves a run at this step that needs a person."""
    with db.transaction() as session:
        stuck = {"state": State.NEEDS_ATTENTION, "hold": Hold.END, "due_at": None, "step": step}
        told = {"code": "x", "detail": "y", "step": "charge_payment"}
        session.execute(update(RunRow).where(RunRow.id == job).values(**stuck, error=told))


# --- the list ---------------------------------------------------------------------------------------


def test_every_workflow_says_who_turns_it_back() -> None:
    assert set(TURN_BACK) == set(workflows.__all__), "decide it for the new one, in workflows/permissions.py"
    assert set(TURN_BACK.values()) == {NOBODY, STAFF, ALL}
    steps = {(name, step.name) for name in TURN_BACK for step in engine.workflows[name].steps}
    assert set(SKIP) - steps == set()


@pytest.mark.parametrize("name", sorted(workflows.__all__))
def test_a_job_is_turned_back_by_who_may_and_by_nobody_else(
    app: Flask, ada: Person, sam: Person, admin: Person, name: str
) -> None:
    id, allowed = paid(ada), TURN_BACK[name]
    no = FORBIDDEN if allowed else NEVER
    parties = {"customer": ada, "staff": sam, "admin": admin}
    for party, person in parties.items():
        for by in (ada.id, sam.id, None):
            job = begin(name, id, by)
            theirs = party in allowed and (party != "customer" or by == ada.id)
            answer = person.post(f"/api/jobs/{job}/cancel")
            assert (answer.status_code == 202) if theirs else (problem(answer) == no), (party, by)
            assert asked_to_turn(job) is theirs, (party, by)
            if not theirs and party != "customer":
                assert problem(person.post(f"/api/jobs/{job}/compensate")) == no
                assert asked_to_turn(job) is False
    job = begin(name, id, ada.id)
    assert problem(post(app, f"/api/jobs/{job}/cancel")) == (404, "not_found")
    assert asked_to_turn(job) is False


@pytest.mark.parametrize("name", sorted(workflows.__all__))
def test_a_guests_token_turns_back_what_a_guest_has_begun(app: Flask, sam: Person, name: str) -> None:
    placed = guests_order(app, guests_cart(app)).json
    assert drive(placed["job"]["id"]) == "succeeded"
    token = {"X-Order-Token": placed["order_token"]}
    for by in ("guest", sam.id, None):
        job = begin(name, placed["order"]["id"], by)
        theirs = by == "guest" and "customer" in TURN_BACK[name]
        answer = ask(app, "POST", f"/api/jobs/{job}/cancel", headers=token)
        assert (answer.status_code, asked_to_turn(job)) == (202 if theirs else 403 if TURN_BACK[name] else 409, theirs)


def test_runs_remember_who_asked_for_them(app: Flask, ada: Person, sam: Person) -> None:
    id, guests = paid(ada), guests_order(app, guests_cart(app)).json["order"]["id"]
    shipped(sam, id)
    asked = ada.post(f"/api/orders/{id}/returns", {"lines": [{"sku": "CHAIR", "quantity": 1}]}).json
    assert drive(asked["job"]["id"]) == "succeeded"
    sam.post(f"/api/orders/{id}/returns/{asked['return']['id']}/receive", {})
    with db.reading() as session:
        rows = session.execute(select(RunRow.subject_id, RunRow.workflow, RunRow.started_by)).all()
    assert {(subject, workflow): by for subject, workflow, by in rows if subject in (id, guests)} == {
        (id, "place_order"): ada.id,
        (id, "ask_return"): ada.id,
        (id, "return_order"): sam.id,
        (guests, "place_order"): "guest",
    }


# --- goods without paying ---------------------------------------------------------------------------


@pytest.mark.usefixtures("later_on")
def test_nobody_turns_back_the_capture_of_what_has_left(ada: Person, sam: Person, admin: Person, bank: Bank) -> None:
    id = paid(ada)
    shipped(sam, id)
    [job] = captures(sam)
    assert ada.get(f"/api/orders/{id}").json["job"]["id"] == job, "its newest, which its customer sees"
    for person in (ada, sam, admin):
        assert problem(person.post(f"/api/jobs/{job}/cancel")) == NEVER
    for person in (sam, admin):
        assert problem(person.post(f"/api/jobs/{job}/compensate")) == NEVER
    assert (drive(job), bank.taken(id), standing(ada, id)) == ("succeeded", 1999 + SHIPPING, ("confirmed", "paid"))
    assert unpaid() == []


@pytest.mark.usefixtures("later_on")
def test_a_guests_token_does_not_either(app: Flask, sam: Person, bank: Bank) -> None:
    placed = guests_order(app, guests_cart(app)).json
    assert drive(placed["job"]["id"]) == "succeeded"
    shipped(sam, placed["order"]["id"])
    [job] = captures(sam)
    answer = ask(app, "POST", f"/api/jobs/{job}/cancel", headers={"X-Order-Token": placed["order_token"]})
    assert problem(answer) == NEVER
    assert (drive(job), bank.taken(placed["order"]["id"])) == ("succeeded", 1999 + SHIPPING)


@pytest.mark.usefixtures("later_on")
def test_what_the_bank_will_not_give_for_goods_that_left_only_an_admin_writes_off(
    ada: Person, sam: Person, admin: Person, bank: Bank
) -> None:
    id = paid(ada)
    bank.void(bank.charged[id], key="forgotten")
    shipped(sam, id)
    [job] = captures(sam)
    assert drive(job) == "needs_attention"
    assert problem(sam.post(f"/api/jobs/{job}/skip", {"note": "a friend"})) == FORBIDDEN
    assert problem(sam.post(f"/api/jobs/{job}/settle", {"note": "a friend"})) == (409, "illegal_state")
    assert sam.get(f"/api/jobs/{job}").json["status"] == "needs_attention"
    assert unpaid() == []
    assert admin.post(f"/api/jobs/{job}/skip", {"note": "he is bankrupt"}).status_code == 202
    assert (sam.get(f"/api/jobs/{job}").json["status"], unpaid()) == ("succeeded", [])


def test_a_charge_is_not_settled_by_hand_on_the_way_to_an_order(ada: Person, sam: Person, admin: Person) -> None:
    placed = order(ada)
    job = placed["job"]["id"]
    drive(job, steps=1)
    put_to_attention(job, step=1)
    for person in (sam, admin):
        assert problem(person.post(f"/api/jobs/{job}/skip", {"note": "cash"})) == NEVER
        assert problem(person.post(f"/api/jobs/{job}/settle", {"note": "cash"})) == NEVER
    assert sam.get(f"/api/jobs/{job}").json["status"] == "needs_attention"
    assert standing(ada, placed["order"]["id"]) == ("pending", "unpaid")


@pytest.mark.usefixtures("later_on")
def test_the_doctor_finds_what_left_and_is_not_paid_for(ada: Person, sam: Person) -> None:
    id = paid(ada)
    shipped(sam, id)
    [job] = captures(sam)
    assert unpaid() == []
    with db.transaction() as session:
        session.execute(update(RunRow).where(RunRow.id == job).values(state=State.FAILED, due_at=None))
    due = 1999 + SHIPPING
    assert unpaid() == [f"order {id}: 0 captured of {due} that are due with what has left"]
    assert payment(sam, id)["captured"]["amount"] == 0
