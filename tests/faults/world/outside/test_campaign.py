"""A campaign under two clocks, its worker killed, paused, resumed: one mail to every recipient (I11, P10)."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from shop.campaigns.batches import HANDFUL
from tests.faults.world.extra_clocks import clocks
from tests.faults.world.subscribers import Subscribers
from tests.sandboxes import wait_until
from tests.stack import Client, Stack

pytestmark = pytest.mark.slow

SIZES = [pytest.param(400, marks=pytest.mark.sample("embedded")), 20_000]
RUNS = "SELECT CAST(id AS VARCHAR) AS id, CAST(job_id AS VARCHAR) AS job FROM campaign_runs WHERE campaign_id = :id"


class Sending:
    """One campaign of a drill: it is due in two seconds, and is watched to its end."""

    def __init__(self, stack: Stack, people: int) -> None:
        self._stack, self._staff = stack, stack.client(role="staff")
        self.people = Subscribers(stack, people)
        self.id = self.people.campaign(self._staff)
        self.in_hand: set[str] = set()
        """The recipients in state `sending` when a worker was killed, a few of each batch."""

    def schedule(self) -> None:
        due = (datetime.now(UTC) + timedelta(seconds=2)).isoformat()
        self._staff.get("PATCH", f"/api/campaigns/{self.id}", {"schedule": {"at": due}})
        self._staff.get("POST", f"/api/campaigns/{self.id}/schedule", {})
        wait_until(self.runs, seconds=60, what="a clock to start the campaign")

    def runs(self) -> list[dict[str, str]]:
        return self._stack.shelf.rows(RUNS, id=self.id)

    @property
    def run(self) -> str:
        return self.runs()[0]["id"]

    def until(self, share: float) -> None:
        wanted = int(share * len(self.people.ids))
        wait_until(lambda: self.people.number(self.run, "sent") >= wanted, seconds=300, what=f"{wanted} mails")

    def kill(self) -> None:
        worker = self._stack.workers["campaigns"]
        worker.kill9()
        self.in_hand |= self.people.who(self.run, "sending").keys()
        worker.launch()

    def pause(self) -> None:
        self._staff.get("POST", f"/api/campaigns/{self.id}/pause")
        wait_until(lambda: not self.people.number(self.run, "sending"), seconds=120, what="those on their way")

    def resume(self) -> None:
        self._staff.get("POST", f"/api/campaigns/{self.id}/resume")

    def end(self) -> None:
        ended = _finished(self._staff, self.runs()[0]["job"])
        assert ended == "succeeded"


def _finished(staff: Client, job: str) -> str:
    return str(staff.finished(job, 600)["status"])


@pytest.mark.parametrize("people", SIZES)
def test_p10_each_recipient_gets_one_mail_whatever_dies_and_whoever_says_no_gets_none(
    stack: Stack, people: int
) -> None:
    sending = Sending(stack, people)
    with clocks(stack, 2):
        sending.schedule()
        sending.until(0.2)
        sending.kill()
        sending.until(0.45)
        sending.pause()
        came = sending.people.mailboxes()
        waiting = sending.people.who(sending.run, "waiting")
        no = [email for email in waiting if email not in came][::9]  # recipients in hand may have got their mail
        sending.people.say_no([waiting[email] for email in no])
        time.sleep(2)
        assert sending.people.mailboxes() == came, "while it is paused nothing leaves"
        sending.resume()
        sending.until(0.7)
        sending.kill()
        sending.end()
    twice = _everybody_once(sending, set(no))
    assert len(twice) <= 2 * HANDFUL * stack.settings.campaign_connections
    assert len(sending.runs()) == 1, "two clocks start it once"
    stack.doctor()


def _everybody_once(sending: Sending, no: set[str]) -> set[str]:
    """Check that every recipient got the mail, and return the addresses that got it twice, which were in hand."""
    came = sending.people.mailboxes()
    assert came.keys() == sending.people.ids.keys() - no
    assert [ids for ids in came.values() if len(set(ids)) != 1] == []
    twice = {email for email, ids in came.items() if len(ids) > 1}
    assert twice <= sending.in_hand, "P4: the one window is a hand-over that was not recorded"
    print(f"{len(came)} mailed, {len(no)} said no, {len(twice)} of {len(sending.in_hand)} in hand were mailed twice")
    return twice
