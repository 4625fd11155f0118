"""A mailer that throws everything away, for benchmarks of everything else (`SMTP_URL=discard:`)."""

from __future__ import annotations

from gateways.mail.contract import Mail


class DiscardMailer:
    def send(self, mail: Mail) -> None:
        """Gone."""
