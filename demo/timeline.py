"""Print the steps of a job on a terminal, as they happen."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from deploy.console import paint

Json = dict[str, Any]

SIGNS = {"begun": ("…", "dim"), "waiting": ("…", "yellow"), "done": ("✓", "green"), "skipped": ("-", "yellow")}
REFUSED = ("✗", "red")
UNDONE = ("↩", "yellow")


class Timeline:
    """The timeline of one job: call `show` with each new version of it; each state of a step is printed once."""

    def __init__(self, accepted: Json) -> None:
        self._began = _moment(accepted["created_at"])
        self._told: set[tuple[str, str, str]] = set()
        self._line(accepted["created_at"], paint("●", "blue"), "accepted", f"job {accepted['id']}")

    def show(self, job: Json) -> None:
        for step in job["steps"]:
            mark = (step["name"], step["direction"], step["status"])
            if step["status"] != "pending" and mark not in self._told:
                self._told.add(mark)
                self._step(step)
        if job["finished_at"]:
            self._end(job)

    def _step(self, step: Json) -> None:
        undo = step["direction"] == "undo"
        sign, colour = SIGNS.get(step["status"], REFUSED)
        if undo and step["status"] == "done":
            sign, colour = UNDONE
        name = f"undo {step['name']}" if undo else step["name"]
        self._line(step["finished_at"] or step["started_at"], paint(sign, colour), name, _remark(step))

    def _end(self, job: Json) -> None:
        good = job["status"] == "succeeded"
        reason = f"{job['error']['code']}: {job['error']['detail']}" if job["error"] else ""
        sign = paint("●", "green" if good else "red")
        self._line(job["finished_at"], sign, paint(job["status"], "bold"), reason)

    def _line(self, at: str, sign: str, what: str, remark: str) -> None:
        seconds = (_moment(at) - self._began).total_seconds()
        print(f"   {seconds:7.3f} s  {sign} {what:<24}{paint(remark, 'dim')}".rstrip(), flush=True)


def _remark(step: Json) -> str:
    if step["error"]:
        return f"{step['error']['code']}: {step['error']['detail']}"
    if not step["finished_at"]:
        return str(step["status"])
    took = (_moment(step["finished_at"]) - _moment(step["started_at"])).total_seconds() * 1000
    tries = [f"{step['attempts']} attempts"] if step["attempts"] > 1 else []
    return ", ".join(([f"{took:.0f} ms"] if took >= 1 else []) + tries)  # a local step is one instant


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
