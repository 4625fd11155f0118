"""A mail that proves that an address is somebody's: to verify it, or to choose a new password."""

from __future__ import annotations

from engine import Step, Workflow
from tasks import accounts

send_account_mail = Workflow(
    "send_account_mail",
    Step("send_mail", do=accounts.send_mail),
    on_failed=accounts.drop_mail,
    deadline=3600.0,  # whoever waited an hour has asked again
)
