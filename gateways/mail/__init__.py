"""Mail: `mailer()` returns the mailer of this process, by the setting SMTP_URL."""

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
"""The name of this gateway for its circuit breaker and for the runs that wait for it."""


def message_id(mark: str) -> str:
    """Return the Message-ID for a mark, in the shop's domain (RFC 5322, 3.6.4). The same mark gives the same one."""
    domain = parseaddr(config.settings().mail_from)[1].rpartition("@")[2]
    return f"<{mark}@{domain or 'orderwave'}>"


@cache
def mailer() -> Mailer:
    """Return the mailer of this process, made at the first call.

    Raises InsecureSetting for `discard:` in production, ValueError for a URL that is none.
    """
    settings = config.settings()
    if settings.smtp_url == "discard:":
        return _discard(settings)
    return SmtpMailer(settings.smtp_url, settings.mail_from, settings.smtp_connections)


def _discard(settings: config.Settings) -> DiscardMailer:
    if settings.environment == "production":
        raise checks.InsecureSetting("SMTP_URL=discard: tells nobody anything; production needs a real mail server")
    return DiscardMailer()
