"""The SMTP mailer: a few connections that many mails share."""

from __future__ import annotations

import re
import smtplib
from email.utils import parseaddr

from engine.outcomes import Refused, TryAgain, Unknown
from gateways.mail.contract import Mail
from gateways.mail.message import compose
from gateways.mail.server import parse
from gateways.mail.smtp_pool import GONE, ConnectionSlot, Lines
from shop.accounts import email_addresses

Broken = (OSError, smtplib.SMTPServerDisconnected)
GOING_DOWN = 421
SEND_IT = 354
SENDERS_FAULT = (b"7", b"8")  # of 5.1.x: a bad address of the sender


class SmtpMailer:
    """A mailer that hands mails to the server in `url`, from `sender`, over at most `connections` at once."""

    def __init__(self, url: str, sender: str, connections: int = 16) -> None:
        self._lines = Lines(parse(url), connections)
        self._sender = sender

    def send(self, mail: Mail) -> None:
        content = compose(mail, self._sender)
        self._lines = self._lines.of_this_process()
        with self._lines.place() as place:
            _hand_over(self._ready(place, mail), content)

    def close(self) -> None:
        """Close the connections that are not in use."""
        self._lines.close()

    def _ready(self, place: ConnectionSlot, mail: Mail) -> smtplib.SMTP:
        """Return a connection on which the server waits for the message; a kept one that is stale is replaced once."""
        sender, to, kept = parseaddr(self._sender)[1], email_addresses.wire(mail.to), place.smtp
        try:
            return _envelope(kept or place.open(), sender, to)
        except TryAgain as problem:
            if not kept or problem.code != GONE:
                raise
            return _envelope(place.open(), sender, to)


def _envelope(smtp: smtplib.SMTP, sender: str, recipient: str) -> smtplib.SMTP:
    """Send MAIL, RCPT and DATA, up to the server's `go ahead`.

    Nothing is handed over yet, so TryAgain is raised where the server does not answer.
    """
    options = [] if recipient.isascii() else ["SMTPUTF8", "BODY=8BITMIME"]
    if options and not smtp.has_extn("smtputf8"):
        raise Refused("mail_not_carried", "Our mail server takes nothing but ASCII before the @ (no SMTPUTF8).")
    try:
        _expect(smtp.mail(sender, options), 250)
        answer = smtp.rcpt(recipient)
        _expect(answer, 250, 251, no="mail_refused" if _no_such_mailbox(answer) else "mail_rejected")
        _expect(smtp.docmd("DATA"), SEND_IT)
    except Broken as error:
        raise TryAgain(GONE, away=True) from error
    return smtp


def _no_such_mailbox(answer: tuple[int, bytes]) -> bool:
    """Return whether a refusal of RCPT is about the address: by its enhanced status code (RFC 3463), or the plain one.

    Policy, a full mailbox, a sender or a block list say nothing about the address.
    """
    told = re.match(rb"5\.(\d+)\.(\d+)\b", answer[1].lstrip())
    if told:
        return told[1] == b"1" and told[2] not in SENDERS_FAULT
    return answer[0] in (550, 551, 553)


def _hand_over(smtp: smtplib.SMTP, content: bytes) -> None:
    try:
        smtp.send(_stuffed(content))
    except Broken as error:  # the closing dot has not left, so the server cannot have taken it
        raise TryAgain(GONE, away=True) from error
    try:
        answer = smtp.getreply()
    except Broken as error:
        raise Unknown("mail_unanswered", "The mail server went silent with the message in its hands.") from error
    _expect(answer, 250)


def _expect(answer: tuple[int, bytes], *good: int, no: str = "mail_rejected") -> None:
    """Return if the server's status is one of `good`; else raise TryAgain, or Refused for a final one.

    `no`: the code of that Refused. Only a refusal of RCPT says something about the mailbox.
    """
    status = answer[0]
    if status in good:
        return
    if status == GOING_DOWN:
        raise TryAgain(GONE, away=True)
    if 500 <= status < 600:
        raise Refused(no, f"The mail server answered {status}.")
    raise TryAgain("mail_deferred", f"The mail server answered {status}.", answered=True)


def _stuffed(content: bytes) -> bytes:
    """Return the content with its end. A lone dot ends a message, so a line that begins with one gets another."""
    body = re.sub(rb"(?m)^\.", b"..", content)
    return body + (b"" if body.endswith(b"\r\n") else b"\r\n") + b".\r\n"
