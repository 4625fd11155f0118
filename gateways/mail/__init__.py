"""Mail: `mailer()` is the mail server this process was told to use."""

from __future__ import annotations

from email.utils import parseaddr
from functools import cache

import config
from config import checks
from gateways.mail.contract import Mail, Mailer
from gateways.mail.discard import DiscardMailer
from gateways.mail.smtp import SmtpMailer

__all__ = ["MAIL_SERVER", "Mail", "Mailer", "mailer", "message_id"]

MAIL_SERVER = "mail_server"
"""What it is called where runs wait for it."""


def message_id(mark: str) -> str:
    """RFC 5322, 3.6.4: unique in the domain that the shop sends from. The same mark again is the same mail."""
    domain = parseaddr(config.settings().mail_from)[1].rpartition("@")[2]
    return f"<{mark}@{domain or 'orderwave'}>"


@cache
def mailer() -> Mailer:
    """The mailer of this process."""
    settings = config.settings()
    if settings.smtp_url == "discard:":
        return _discard(settings)
    return SmtpMailer(settings.smtp_url, settings.mail_from, settings.smtp_connections)


def _discard(settings: config.Settings) -> DiscardMailer:
    if settings.environment == "production":
        raise checks.InsecureSetting("SMTP_URL=discard: tells nobody anything; production needs a real mail server")
    return DiscardMailer()
