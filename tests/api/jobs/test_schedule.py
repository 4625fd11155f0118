"""The clock at the door: staff look, an administrator runs a task now."""

from __future__ import annotations

from beat_schedule import SCHEDULE
from engine import clock
from tasks import maintenance  # noqa: F401 - what the clock runs
from tests.api.clients import People, Person, problem
from tests.api.inline_worker import drive
from workflows import run_periodic_task


def test_staff_see_when_everything_runs_and_ran(sam: Person) -> None:
    clock.poke(run_periodic_task)
    answer = sam.get("/api/schedule")
    assert answer.status_code == 200
    told = {item["name"]: item for item in answer.json["items"]}
    assert sorted(told) == list(told) == sorted(SCHEDULE)
    hourly = told["prune_commands"]
    assert (hourly["cron"], hourly["every"], hourly["time_zone"]) == ("37 * * * *", None, "UTC")
    assert hourly["in_english"] == "At minute 37 of every hour"
    assert hourly["next"].endswith(":37:00.000Z")
    assert (hourly["lateness"], hourly["last"]) == (0.0, None)
    assert told["release_expired_reservations"]["every"] == 60


def test_an_administrator_runs_one_now_and_once_for_each_key(people: People, sam: Person) -> None:
    root = people.join("Root", role="admin")
    path = "/api/schedule/prune_commands/run"
    first, again = (root.post(path, **{"Idempotency-Key": "now"}) for _ in range(2))
    assert (first.status_code, again.status_code) == (202, 202)
    job = first.json["job"]
    assert again.json["job"]["id"] == job["id"]
    assert (job["workflow"], job["subject"]) == ("run_periodic_task", {"type": "schedule", "id": "prune_commands"})
    assert problem(root.post(path)) == (409, "already_running")
    assert drive(job["id"]) == "succeeded"
    [last] = [item["last"] for item in sam.get("/api/schedule").json["items"] if item["last"]]
    assert (last["state"], last["by_hand"], last["job"], last["error"]) == ("done", True, job["id"], None)
    assert last["lateness"] < 5
    assert last["finished_at"] >= last["began_at"]


def test_others_do_neither(people: People, ada: Person, sam: Person) -> None:
    path = "/api/schedule/prune_commands/run"
    assert problem(ada.get("/api/schedule")) == (403, "forbidden")
    assert [problem(who.post(path)) for who in (ada, sam)] == [(403, "forbidden")] * 2
    assert problem(people.join("Root", role="admin").post("/api/schedule/no_such_task/run")) == (404, "not_found")
    assert all(item["last"] is None for item in sam.get("/api/schedule").json["items"])
