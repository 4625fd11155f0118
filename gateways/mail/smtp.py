"""Mail over SMTP. One connection a thread, kept while the server keeps it, never shared across a fork."""

from __future__ import annotations

import os
import re
import smtplib
import threading
from email.utils import parseaddr

from gateways.mail.contract import Mail
from gateways.mail.message import compose
from gateways.mail.server import parse
from outcomes import Refused, TryAgain, Unknown

Broken = (OSError, smtplib.SMTPServerDisconnected)
GOING_DOWN = 421
SEND_IT = 354


class SmtpMailer:
    """Hands messages to the server in `url`, from `sender`."""

    def __init__(self, url: str, sender: str) -> None:
        self._server = parse(url)
        self._sender = sender
        self._mine = threading.local()

    def send(self, mail: Mail) -> None:
        content = compose(mail, self._sender)
        smtp = self._ready(mail)
        try:
            _hand_over(smtp, content)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of this thread's connection."""
        line: _Line | None = self._mine.__dict__.pop("line", None)
        if line:
            line.close()

    def _ready(self, mail: Mail) -> smtplib.SMTP:
        """A connection on which the server waits for the message. A kept one that went stale is replaced once."""
        kept = self._kept()
        try:
            return self._address(kept or self._fresh(), mail)
        except Refused:
            raise
        except TryAgain as problem:
            if not kept or problem.code == "mail_deferred":
                raise
            return self._address(self._fresh(), mail)

    def _address(self, line: _Line, mail: Mail) -> smtplib.SMTP:
        try:
            _envelope(line.smtp, parseaddr(self._sender)[1], mail.to)
        except BaseException:
            self.close()
            raise
        return line.smtp

    def _kept(self) -> _Line | None:
        line: _Line | None = getattr(self._mine, "line", None)
        if line and line.pid != os.getpid():
            self.close()
            return None
        return line

    def _fresh(self) -> _Line:
        try:
            self._mine.line = _Line(self._server.connect())
        except smtplib.SMTPAuthenticationError as error:
            raise TryAgain("mail_misconfigured", "The mail server does not know us.") from error
        except (smtplib.SMTPException, OSError) as error:
            raise TryAgain("mail_unreachable") from error
        line: _Line = self._mine.line
        return line


class _Line:
    """A connection that closes itself when its thread has gone, without a QUIT that could block."""

    def __init__(self, smtp: smtplib.SMTP) -> None:
        self.smtp = smtp
        self.pid = os.getpid()

    def close(self) -> None:
        self.smtp.close()

    __del__ = close


def _envelope(smtp: smtplib.SMTP, sender: str, recipient: str) -> None:
    """MAIL, RCPT and DATA up to the server's `go ahead`. Nothing is handed over yet."""
    options = [] if recipient.isascii() else ["SMTPUTF8", "BODY=8BITMIME"]
    if options and not smtp.has_extn("smtputf8"):
        raise Refused("mail_refused", "The mail server takes no address outside ASCII.")
    try:
        _expect(smtp.mail(sender, options), 250)
        _expect(smtp.rcpt(recipient), 250, 251)
        _expect(smtp.docmd("DATA"), SEND_IT)
    except Broken as error:
        raise TryAgain("mail_unreachable") from error


def _hand_over(smtp: smtplib.SMTP, content: bytes) -> None:
    try:
        smtp.send(_stuffed(content))
    except Broken as error:  # the closing dot has not left, so the server cannot have taken it
        raise TryAgain("mail_unreachable") from error
    try:
        answer = smtp.getreply()
    except Broken as error:
        raise Unknown("mail_unanswered", "The mail server went silent with the message in its hands.") from error
    _expect(answer, 250)


def _expect(answer: tuple[int, bytes], *good: int) -> None:
    status = answer[0]
    if status in good:
        return
    if status == GOING_DOWN:
        raise TryAgain("mail_unreachable")
    if 500 <= status < 600:
        raise Refused("mail_refused", f"The mail server answered {status}.")
    raise TryAgain("mail_deferred", f"The mail server answered {status}.")


def _stuffed(content: bytes) -> bytes:
    """A lone dot ends a message, so a line that begins with one gets another."""
    body = re.sub(rb"(?m)^\.", b"..", content)
    return body + (b"" if body.endswith(b"\r\n") else b"\r\n") + b".\r\n"
