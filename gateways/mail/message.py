"""A mail as the bytes that travel."""

from __future__ import annotations

from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime, localtime

from gateways.mail.contract import Mail


def compose(mail: Mail, sender: str) -> bytes:
    """RFC 5322 bytes with CRLF line ends; text first, HTML as its alternative."""
    message = EmailMessage(policy=SMTP if mail.to.isascii() else SMTPUTF8)
    message["Message-ID"] = mail.message_id
    message["Date"] = format_datetime(localtime())
    message["From"] = sender
    message["To"] = mail.to
    message["Subject"] = mail.subject
    for name, value in mail.headers.items():
        message[name] = value
    message.set_content(mail.text)
    if mail.html is not None:
        message.add_alternative(mail.html, subtype="html")
    return message.as_bytes()
