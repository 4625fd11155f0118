"""Many customers who want marketing, a campaign to them, and the mails that they got."""

from __future__ import annotations

from collections import defaultdict
from uuid import uuid4

from shop.consent import consents
from tests.stack import Client, Stack
from tests.subscribing import OFFERS, subscribe

STATES = "SELECT COUNT(*) AS number FROM campaign_recipients WHERE run_id = :run AND state = :state"
WHO = "SELECT users.id, users.email FROM campaign_recipients JOIN users ON users.id = user_id WHERE run_id = :run"


class Subscribers:
    """A group of subscribed customers. `word`: their tag, and the subject of the campaign to them."""

    def __init__(self, stack: Stack, count: int) -> None:
        self._stack, self.word = stack, f"t{uuid4().hex[:20]}"
        with stack.shelf.session() as session:
            self.ids = subscribe(session, self.word, count)

    def campaign(self, staff: Client, **more: object) -> str:
        wish = {"name": self.word, "subject": self.word, "text": "{{ name }}", "segment": {"tag": self.word}}
        id: str = staff.get("POST", "/api/campaigns", wish | more)["id"]
        return id

    def number(self, run: str, state: str) -> int:
        return int(self._stack.shelf.rows(STATES, run=run, state=state)[0]["number"])

    def who(self, run: str, state: str) -> dict[str, str]:
        """Return the ids of the recipients in this state, by address."""
        rows = self._stack.shelf.rows(f"{WHO} AND state = :state", run=run, state=state)
        return {str(row["email"]): str(row["id"]) for row in rows}

    def say_no(self, ids: list[str]) -> None:
        with self._stack.shelf.session() as session:
            for id in ids:
                consents.say(session, id, {OFFERS: False}, "test")

    def mailboxes(self) -> dict[str, list[str]]:
        """Return the Message-IDs of the campaign's mails, by address."""
        came: dict[str, list[str]] = defaultdict(list)
        for mail in self._stack.sink.messages(brief=True):
            if mail["subject"] == self.word:
                came[mail["to"][0]].append(mail["message_id"])
        return came
