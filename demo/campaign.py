"""The campaign of the tour: scheduled by staff a few seconds ahead, started by the clock, checked in the mail sink."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from config import Settings
from demo.accounts import kept_password
from demo.door import Door
from demo.saying import must, say, title

CUSTOMER, STAFF, ADMIN = "customer@example.com", "staff@example.com", "admin@example.com"
AHEAD = 4.0  # seconds
PATIENCE = 60.0

Json = dict[str, Any]


class Announcement:
    """A campaign to one customer, from its draft to the mail in the sink."""

    def __init__(self, chosen: Settings) -> None:
        self.sink = Door(f"http://127.0.0.1:{chosen.sink_port}")
        self.customer, self.staff, self.admin = (self._door(chosen, who) for who in (CUSTOMER, STAFF, ADMIN))

    def arrives(self) -> None:
        title(f"A campaign, {AHEAD:g} seconds ahead")
        self._willing_customer()
        campaign = self._scheduled()
        say(f'"{campaign["name"]}" to everybody tagged demo: {campaign["explained"]}')
        run = _until(lambda: self._done(campaign["id"]), "the campaign to be sent")
        sent = run["recipients"]
        say(f"started {run['lateness']:.1f} s after its time; {sent['sent']} of {run['audience']} sent")
        must(sent["sent"] == run["audience"] == 1, f"one customer should have been written to: {run}")
        mails = [mail for mail in self._mails() if campaign["name"] in mail["subject"]]
        must(len(mails) == 1, f"one mail should have arrived, there are {len(mails)}")
        say(f'mail sink: "{mails[0]["subject"]}", with one-click unsubscribe')
        must("List-Unsubscribe-Post" in mails[0]["headers"], "it should be as easy to leave as to stay")

    def _willing_customer(self) -> None:
        """Make sure that the customer has a verified address, wants marketing, and has the tag of the segment."""
        me = self.customer.ask("GET", "/api/users/me")
        if not me["email_verified"]:
            self._confirm()
        self.customer.ask("PUT", "/api/users/me/preferences", {"marketing_emails": True})
        self.admin.ask("PATCH", f"/api/users/{me['id']}", {"tags": ["demo"]})

    def _confirm(self) -> None:
        before = len(self._mails())
        self.customer.ask("POST", "/api/auth/verify-email", {})
        mail = _until(lambda: next((m for m in self._mails()[before:] if "#token=" in m["text"]), None), "a link")
        token = mail["text"].split("#token=")[1].split()[0]
        self.customer.ask("POST", "/api/auth/verify-email", {"token": token})

    def _scheduled(self) -> Json:
        at = datetime.now(UTC) + timedelta(seconds=AHEAD)
        made = self.staff.ask(
            "POST",
            "/api/campaigns",
            {
                "name": f"Spring {at:%H%M%S}",
                "subject": f"{{{{ first_name }}}}, this is Spring {at:%H%M%S}",
                "text": "Dear {{ name }},\n\ncome and see: {{ shop_url }}\n",
                "segment": {"tag": "demo"},
                "schedule": {"at": at.isoformat()},
            },
        )
        return self.staff.ask("POST", f"/api/campaigns/{made['id']}/schedule", {})

    def _done(self, id: str) -> Json | None:
        runs: list[Json] = self.staff.ask("GET", f"/api/campaigns/{id}")["runs"]
        return runs[0] if runs and runs[0]["status"] == "done" else None

    def _mails(self) -> list[Json]:
        found: list[Json] = self.sink.ask("GET", f"/messages?to={CUSTOMER}")["messages"]
        return found

    def _door(self, chosen: Settings, who: str) -> Door:
        door = Door(f"http://127.0.0.1:{chosen.port}")
        door.sign_in(who, kept_password() or "")
        return door


def _until(found: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + PATIENCE
    while not (seen := found()):
        must(time.monotonic() < deadline, f"waited {PATIENCE:g} s in vain for {what}")
        time.sleep(0.2)
    return seen
