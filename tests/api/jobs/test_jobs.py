"""Jobs: the truth about a command, held until there is news, and what operators may do about it."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from sqlalchemy import update

import db
from api.jobs import long_polling
from engine.tables import JournalRow, RunRow
from gateways.mail import Mail
from tests.api.bank import Bank
from tests.api.catalogue_data import guests_cart, guests_order, order, put_on_shelf, shelf
from tests.api.clients import People, Person, ask, problem
from tests.api.inline_worker import drive
from tests.fixtures import Configure

NOBODYS = "0199aaaa-0000-7000-8000-000000000000"


@pytest.fixture(autouse=True)
def _goods(bank: Bank) -> None:
    put_on_shelf("CHAIR", price=1999, on_hand=5)


def stuck(person: Person) -> str:
    """A paid, confirmed order whose mail needs a person. Returns the job."""
    id: str = order(person)["job"]["id"]
    drive(id, steps=3)
    with db.transaction() as session:
        session.execute(
            update(RunRow)
            .where(RunRow.id == id)
            .values(state="needs_attention", hold="end", due_at=None, error={"code": "x", "detail": "y"})
        )
    return id


def journal(id: str) -> list[tuple[str, str, str]]:
    with db.reading() as session:
        rows = session.query(JournalRow).where(JournalRow.run_id == id).order_by(JournalRow.step)
        return [(row.name, row.direction, row.state) for row in rows]


# --- reading ----------------------------------------------------------------------------------------


def test_a_job_tells_its_steps_and_when_to_ask_again(ada: Person) -> None:
    id = order(ada)["job"]["id"]
    drive(id, steps=1)
    answer = ada.get(f"/api/jobs/{id}")
    job = answer.json
    assert (job["status"], job["finished_at"], job["error"], job["cancel_requested"]) == ("running", None, None, False)
    assert [(step["name"], step["status"], step["attempts"]) for step in job["steps"]] == [
        ("reserve_stock", "done", 1),
        ("charge_payment", "pending", 0),
        ("confirm_order", "pending", 0),
        ("notify_customer", "pending", 0),
    ]
    assert answer.headers["Retry-After"] == "1"
    assert answer.headers["Cache-Control"] == "private, no-cache"


def test_a_final_job_has_a_code_and_no_time_to_ask_again(ada: Person) -> None:
    id = order(ada, token="tok_declined")["job"]["id"]
    assert drive(id) == "failed"
    answer = ada.get(f"/api/jobs/{id}")
    assert "Retry-After" not in answer.headers
    assert answer.json["error"]["code"] == "card_declined"
    assert set(answer.json["error"]) == {"code", "detail"}
    assert answer.json["finished_at"] is not None


def test_who_has_the_newest_already_is_told_304(ada: Person) -> None:
    id = order(ada)["job"]["id"]
    tag = ada.get(f"/api/jobs/{id}").headers["ETag"]
    again = ada.ask("GET", f"/api/jobs/{id}", **{"If-None-Match": tag})
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", tag)
    drive(id, steps=1)
    fresh = ada.ask("GET", f"/api/jobs/{id}", **{"If-None-Match": tag})
    assert (fresh.status_code, fresh.headers["ETag"] != tag) == (200, True)


def test_shoppers_see_no_outputs_and_staff_do(ada: Person, sam: Person) -> None:
    id = order(ada)["job"]["id"]
    drive(id, steps=2)
    assert "output" not in ada.get(f"/api/jobs/{id}").text
    assert sam.get(f"/api/jobs/{id}").json["steps"][1]["output"]["amount"] == 2489


@pytest.mark.parametrize("id", [NOBODYS, "1", "x", "%27", NOBODYS.replace("-", "")])
def test_an_unknown_or_malformed_job_is_404(ada: Person, sam: Person, id: str) -> None:
    for person in (ada, sam):
        assert problem(person.get(f"/api/jobs/{id}")) == (404, "not_found")


def test_a_job_is_seen_by_its_owner_and_staff_only(app: Flask, people: People, ada: Person, sam: Person) -> None:
    id = order(ada)["job"]["id"]
    bob = people.join("Bob")
    assert (ada.get(f"/api/jobs/{id}").status_code, sam.get(f"/api/jobs/{id}").status_code) == (200, 200)
    assert problem(bob.get(f"/api/jobs/{id}")) == (404, "not_found")
    assert problem(ask(app, "GET", f"/api/jobs/{id}?wait=30")) == (404, "not_found")
    assert problem(bob.post(f"/api/jobs/{id}/cancel")) == (404, "not_found")
    assert ada.get(f"/api/jobs/{id}").json["cancel_requested"] is False


# --- waiting ----------------------------------------------------------------------------------------


def test_an_answer_is_held_until_the_job_changes(ada: Person) -> None:
    id = order(ada)["job"]["id"]
    with ThreadPoolExecutor(1) as pool:
        began = time.monotonic()
        held = pool.submit(ada.get, f"/api/jobs/{id}?wait=20")
        time.sleep(0.4)
        assert not held.done()
        drive(id, steps=1)
        assert held.result(timeout=5).json["status"] == "running"
    assert time.monotonic() - began < 5


def test_nothing_new_after_the_wait_is_304_for_who_said_what_they_have(ada: Person) -> None:
    id = order(ada)["job"]["id"]
    tag = ada.get(f"/api/jobs/{id}").headers["ETag"]
    began = time.monotonic()
    answer = ada.ask("GET", f"/api/jobs/{id}?wait=1", **{"If-None-Match": tag})
    assert (answer.status_code, 0.9 < time.monotonic() - began < 3) == (304, True)


def test_news_and_ends_are_told_at_once(ada: Person) -> None:
    id = order(ada)["job"]["id"]
    tag = ada.get(f"/api/jobs/{id}").headers["ETag"]
    drive(id, steps=1)
    began = time.monotonic()
    assert ada.ask("GET", f"/api/jobs/{id}?wait=20", **{"If-None-Match": tag}).json["status"] == "running"
    ada.post(f"/api/jobs/{id}/cancel")
    drive(id)
    assert ada.get(f"/api/jobs/{id}?wait=20").json["status"] == "failed"
    assert time.monotonic() - began < 5


def test_too_many_who_wait_are_answered_at_once(
    app: Flask, ada: Person, configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(long_polling, "_waiters", {})
    configure(JOB_WAITERS="2")
    id = order(ada)["job"]["id"]
    inside = threading.Semaphore(0)
    tell = long_polling._watch
    monkeypatch.setattr(long_polling, "_watch", lambda *args: (inside.release(), tell(*args)))
    with ThreadPoolExecutor(2) as pool:
        held = [pool.submit(ada.get, f"/api/jobs/{id}?wait=20") for _ in range(2)]
        assert all(inside.acquire(timeout=5) for _ in range(2))
        began = time.monotonic()
        assert ada.get(f"/api/jobs/{id}?wait=20").status_code == 200
        assert time.monotonic() - began < 2
        drive(id, steps=1)
        assert [one.result(timeout=5).json["status"] for one in held] == ["running"] * 2


def test_no_connection_is_held_while_waiting(ada: Person) -> None:
    id = order(ada)["job"]["id"]
    most = 0
    with ThreadPoolExecutor(4) as pool:
        held = [pool.submit(ada.get, f"/api/jobs/{id}?wait=1") for _ in range(4)]
        out = []
        while not all(one.done() for one in held):
            out.append(db.engine().pool.checkedout())  # type: ignore[attr-defined]
            time.sleep(0.01)
    most = sorted(out)[len(out) // 2]
    assert most == 0, "half of the time and more nobody has one"


@pytest.mark.parametrize("wait", ["-1", "31", "1.5", "1e1", "NaN", "true", "1" * 40])
def test_a_wait_that_is_none_is_422(ada: Person, wait: str) -> None:
    id = order(ada)["job"]["id"]
    assert problem(ada.get(f"/api/jobs/{id}?wait={wait}")) == (422, "validation_failed")


# --- cancelling -------------------------------------------------------------------------------------


def test_a_job_turns_back_on_request(ada: Person) -> None:
    id = order(ada)["job"]["id"]
    drive(id, steps=1)
    answer = ada.post(f"/api/jobs/{id}/cancel")
    assert (answer.status_code, answer.headers["Location"]) == (202, f"/api/jobs/{id}")
    assert answer.json["job"]["cancel_requested"] is True
    assert (drive(id), shelf()) == ("failed", (5, 0))
    assert problem(ada.post(f"/api/jobs/{id}/cancel")) == (409, "too_late_to_cancel")


def test_a_guest_cancels_with_the_orders_token(app: Flask) -> None:
    cart = guests_cart(app)
    placed = guests_order(app, cart).json
    id = placed["job"]["id"]
    for shown in ({}, {"X-Cart-Token": cart}, {"X-Order-Token": cart}):
        assert problem(ask(app, "POST", f"/api/jobs/{id}/cancel", headers=shown)) == (404, "not_found")
    token = {"X-Order-Token": placed["order_token"]}
    assert ask(app, "POST", f"/api/jobs/{id}/cancel", headers=token).status_code == 202
    assert drive(id) == "failed"


# --- operators --------------------------------------------------------------------------------------


def test_staff_list_jobs_by_status_and_workflow(ada: Person, sam: Person) -> None:
    first, second = order(ada)["job"]["id"], order(ada)["job"]["id"]
    drive(first, steps=1)

    def ids(query: str) -> list[str]:
        return [job["id"] for job in sam.get(f"/api/jobs?{query}").json["items"]]

    assert ids("workflow=place_order") == [second, first]
    assert ids("workflow=place_order&status=running") == [first]
    assert ids("workflow=nothing") == []
    page = sam.get("/api/jobs?workflow=place_order&limit=1").json
    assert ids(f"workflow=place_order&cursor={page['next']}") == [first]
    assert problem(sam.get("/api/jobs?status=lost")) == (422, "validation_failed")


def test_a_step_that_needs_attention_is_tried_again(ada: Person, sam: Person, sent: list[Mail]) -> None:
    id = stuck(ada)
    answer = sam.post(f"/api/jobs/{id}/retry")
    assert (answer.status_code, answer.json["job"]["status"]) == (202, "running")
    assert (drive(id), len(sent)) == ("succeeded", 1)


def test_a_step_settled_by_hand_is_skipped_and_the_journal_says_by_whom(
    ada: Person, sam: Person, sent: list[Mail]
) -> None:
    id = stuck(ada)
    assert problem(sam.post(f"/api/jobs/{id}/skip", {})) == (422, "validation_failed")
    assert problem(sam.post(f"/api/jobs/{id}/skip", {"note": ""})) == (422, "validation_failed")
    answer = sam.post(f"/api/jobs/{id}/skip", {"note": "phoned her"})
    assert (answer.status_code, answer.json["job"]["status"], sent) == (202, "succeeded", [])
    assert journal(id)[-1] == ("notify_customer", "do", "skipped")
    assert sam.get(f"/api/jobs/{id}").json["steps"][-1]["output"] == {"skipped_by": sam.id, "note": "phoned her"}
    assert sam.id not in ada.get(f"/api/jobs/{id}").text


def test_a_job_is_compensated_before_its_point_of_no_return_only(ada: Person, sam: Person, bank: Bank) -> None:
    placed = order(ada)
    id = placed["job"]["id"]
    drive(id, steps=2)
    assert sam.post(f"/api/jobs/{id}/compensate").status_code == 202
    assert (drive(id), shelf(), bank.taken(placed["order"]["id"])) == ("failed", (5, 0), 0)
    assert [act["by"] for act in sam.get(f"/api/jobs/{id}").json["acts"]] == [sam.id]
    assert ada.get(f"/api/jobs/{id}").json["error"] == {"code": "compensated", "detail": "turned back on request"}
    for path in (
        f"/api/jobs/{id}",
        f"/api/orders/{placed['order']['id']}",
        f"/api/orders/{placed['order']['id']}/timeline",
    ):
        assert sam.id not in ada.get(path).text
    late = stuck(ada)
    assert problem(sam.post(f"/api/jobs/{late}/compensate")) == (409, "past_the_pivot")
    assert shelf() == (3, 0), "both chairs are sold: the one that came back was in the cart again"


def test_only_what_needs_attention_is_helped(ada: Person, sam: Person) -> None:
    id = order(ada)["job"]["id"]
    for path, body in (("retry", None), ("skip", {"note": "x"})):
        assert problem(sam.post(f"/api/jobs/{id}/{path}", body)) == (409, "not_needing_attention")
        assert problem(sam.post(f"/api/jobs/{NOBODYS}/{path}", body)) == (404, "not_found")
    assert problem(sam.post(f"/api/jobs/{NOBODYS}/compensate")) == (404, "not_found")
    assert journal(id) == []


def test_customers_and_strangers_are_no_operators(app: Flask, ada: Person) -> None:
    id = stuck(ada)
    before = journal(id)
    for path, body in (("retry", None), ("skip", {"note": "x"}), ("compensate", None)):
        assert problem(ada.post(f"/api/jobs/{id}/{path}", body)) == (403, "forbidden")
        assert problem(ask(app, "POST", f"/api/jobs/{id}/{path}", body)) == (401, "unauthenticated")
    assert problem(ada.get("/api/jobs")) == (403, "forbidden")
    assert ada.get(f"/api/jobs/{id}").json["status"] == "needs_attention"
    assert journal(id) == before
