"""A mailer that discards every mail, for benchmarks of everything else (`SMTP_URL=discard:`)."""

from __future__ import annotations

from gateways.mail.contract import Mail


class DiscardMailer:
    def send(self, mail: Mail) -> None:
        """Discard the mail."""
