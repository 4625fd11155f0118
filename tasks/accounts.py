"""Mail about accounts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from engine import Retry, Run, remote_step
from gateways.mail import Mail, mailer
from outcomes import Refused
from shop import account_links, users
from shop.account_links import Kind
from shop.errors import NotFound
from tasks import account_mail


def _mails(session: Session, runs: Sequence[Run]) -> Mapping[str, Mail]:
    written = {run.id: _mail(session, run) for run in runs}
    return {id: mail for id, mail in written.items() if mail}


def _mail(session: Session, run: Run) -> Mail | None:
    """None: nobody to write to. The link is made here, so that it stands in no table and no message."""
    try:
        user = users.get(session, run.subject_id)
    except NotFound:
        return None
    kind = Kind(run.input["kind"])
    return account_mail.compose(kind, user, account_links.token(session, user, kind), run.id)


PATIENTLY = Retry(attempts=200)  # once a minute; the deadline of the workflow comes first


@remote_step("accounts.send_mail", fetch=_mails, retry=PATIENTLY)
def send_mail(mail: Mail, key: str) -> dict[str, Any]:
    """Hand it to the mail server. An address that takes no mail is not worth a second try."""
    try:
        mailer().send(mail)
    except Refused:
        return {"mail": "refused"}
    return {"mail": "sent"}
