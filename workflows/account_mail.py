"""Mail a link by which a user proves an e-mail address: to verify it, or to choose a new password."""

from __future__ import annotations

from engine import Step, Workflow
from tasks import accounts

send_account_mail = Workflow(
    "send_account_mail",
    Step("send_mail", do=accounts.send_mail),
    on_failed=accounts.drop_mail,
    deadline=3600.0,  # after an hour the user has asked again
)
