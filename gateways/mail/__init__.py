"""Mail: `mailer()` is the mail server this process was told to use."""

from __future__ import annotations

from functools import cache

import config
from gateways.mail.contract import Mail, Mailer
from gateways.mail.smtp import SmtpMailer

__all__ = ["Mail", "Mailer", "mailer"]


@cache
def mailer() -> Mailer:
    """The mailer of this process; its connections belong to the threads that use it."""
    settings = config.settings()
    return SmtpMailer(settings.smtp_url, settings.mail_from)
