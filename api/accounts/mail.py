"""Mails about an account, started by API views."""

from __future__ import annotations

from sqlalchemy.orm import Session

import engine
from db.schema import new_id
from shop.accounts.signed_links import Kind
from workflows.account_mail import send_account_mail as workflow


def send_account_mail(session: Session, user_id: str, kind: Kind) -> None:
    """Start the workflow that mails a link to a user.

    The user need not exist: the caller then sees the same work done, and no mail is sent.
    """
    engine.start(session, workflow, key=new_id(), subject=("account", user_id), input={"kind": kind})
