"""What the shop expects of a mailer, and the checks of a mail."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.errors import HeaderParseError
from email.headerregistry import Address
from typing import Protocol

from engine.outcomes import Refused

OURS = {"to", "from", "subject", "message-id", "date", "cc", "bcc", "sender", "mime-version"}
HEADER_NAME = re.compile(r"[A-Za-z0-9-]{1,60}")


@dataclass(frozen=True)
class Mail:
    """One mail to one address. Creating one raises Refused("mail_invalid") for an address or a header that is none.

    Bodies may hold reset links, so they are not shown in a repr.
    """

    to: str
    subject: str
    text: str = field(repr=False)
    html: str | None = field(default=None, repr=False)
    message_id: str = field(kw_only=True)
    headers: Mapping[str, str] = field(default_factory=dict, kw_only=True)

    def __post_init__(self) -> None:
        """Check address and headers: with a line break in one, its author could add headers of their own."""
        for value in (self.to, self.subject, self.message_id, *self.headers, *self.headers.values()):
            if not value.strip() or any(mark in value for mark in "\r\n\0"):
                raise Refused("mail_invalid", "A mail header may not be empty or hold a line break.")
        for name in self.headers:
            if not HEADER_NAME.fullmatch(name) or name.lower() in OURS or name.lower().startswith("content-"):
                raise Refused("mail_invalid", "This header is set by the gateway, or is none.")
        _one_address(self.to)
        _one_message_id(self.message_id)


class Mailer(Protocol):
    def send(self, mail: Mail) -> None:
        """Hand the message to the mail server.

        Raises Refused (`mail_refused`: no such mailbox; `mail_rejected`, `mail_not_carried`, `mail_invalid`), TryAgain
        while nothing was handed over, and Unknown when the server went silent with the whole message in its hands.
        """


def _one_address(text: str) -> None:
    try:
        address = Address(addr_spec=text.encode("ascii", "replace").decode())  # other letters are the server's business
    except (HeaderParseError, ValueError, IndexError) as error:
        raise Refused("mail_invalid", "That is not one mail address.") from error
    if not address.username or not address.domain:
        raise Refused("mail_invalid", "That is not one mail address.")


def _one_message_id(text: str) -> None:
    inner = text[1:-1]
    if text != f"<{inner}>" or inner.count("@") != 1 or not inner.isascii() or any(mark in inner for mark in "<> "):
        raise Refused("mail_invalid", "A Message-ID looks like <id@domain>.")
