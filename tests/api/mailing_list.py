"""People who have asked for offers, campaigns to them, and the workers' part of sending done here and now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select, update

import db
from db.functions import transaction_time
from engine import ENDED, Hold
from engine.outcomes import Refused, TryAgain, Unknown
from engine.tables import RunRow
from gateways.mail import Mail
from shop.accounts import tags as user_tags
from shop.accounts import users
from shop.accounts.users import UserRow
from shop.campaigns.tables import RecipientRow
from shop.consent import consents
from tests.api.clients import Person
from tests.api.inline_worker import drive

OFFERS: dict[tuple[str, str], bool] = {("offers", "email"): True, ("reminders", "email"): True}
LETTER: dict[str, Any] = {"name": "Spring", "subject": "Hi {{ first_name }}", "text": "Use {{ coupon or 'nothing' }}."}


class Postman:
    """Keeps what is handed over. `bounce...` is refused, `later...` put off once, `silent...` taken without a word."""

    def __init__(self) -> None:
        self.mails: list[Mail] = []
        self.seen: Counter[str] = Counter()
        self.away = False
        self.meanwhile: Any = lambda: None

    def send(self, mail: Mail) -> None:
        self.seen[mail.to] += 1
        if self.away:
            raise TryAgain("mail_unreachable")
        if mail.to.startswith("bounce"):
            raise Refused("mail_refused", "The mail server answered 550.")
        if mail.to.startswith("later") and self.seen[mail.to] == 1:
            raise TryAgain("mail_deferred", "The mail server answered 451.")
        self.mails.append(mail)
        if mail.to.startswith("silent") and self.seen[mail.to] == 1:
            raise Unknown("mail_unanswered")
        self.meanwhile()

    @property
    def told(self) -> list[str]:
        return sorted(mail.to for mail in self.mails)


def willing(*names: str, tags: Sequence[str] = ()) -> list[str]:
    """Accounts that have asked for offers and reminders. Returns their ids."""
    with db.transaction() as session:
        ids = [users.register(session, email=f"{n}@example.com", name=n.title(), password_hash="x").id for n in names]
        session.execute(update(UserRow).where(UserRow.id.in_(ids)).values(email_verified_at=transaction_time()))
        for id in ids:
            consents.say(session, id, OFFERS, "test")
            user_tags.pin(session, id, tags)
    return ids


def campaign(staff: Person, **more: Any) -> str:
    answer = staff.post("/api/campaigns", LETTER | more)
    assert answer.status_code == 201, answer.text
    id: str = answer.json["id"]
    return id


def sent_now(staff: Person, id: str) -> dict[str, Any]:
    """Started; returns its run."""
    answer = staff.post(f"/api/campaigns/{id}/schedule", {"now": True})
    assert answer.status_code == 200, answer.text
    run: dict[str, Any] = answer.json["runs"][0]
    return run


def work_off(turns: int = 60) -> None:
    """Everything that is under way, as workers and the sweep would, whatever pause it had wished for."""
    for _ in range(turns):
        with db.transaction() as session:
            session.execute(update(RunRow).where(RunRow.hold == Hold.BACKOFF).values(hold=Hold.NONE))
            session.execute(update(RecipientRow).values(not_before=None))
            open_runs = select(RunRow.id).where(RunRow.state.not_in(ENDED), RunRow.hold == Hold.NONE)
            ids = session.scalars(open_runs.order_by(RunRow.id)).all()
        if not ids:
            return
        for id in ids:
            drive(id, steps=1)


def fates(campaign_run: str) -> dict[str, str]:
    """By the recipients' ids."""
    with db.reading() as session:
        row = RecipientRow
        return dict(session.execute(select(row.user_id, row.state).where(row.run_id == campaign_run)).all())
