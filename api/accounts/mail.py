"""The one place where the door asks for a mail about an account."""

from __future__ import annotations

from sqlalchemy.orm import Session

import engine
from db.schema import new_id
from shop.accounts.signed_links import Kind
from workflows.account_mail import send_account_mail as workflow


def send_account_mail(session: Session, user_id: str, kind: Kind) -> None:
    """To a user who may not exist: whoever asks sees the same work done, and no mail leaves for nobody."""
    engine.start(session, workflow, key=new_id(), subject=("account", user_id), input={"kind": kind})
