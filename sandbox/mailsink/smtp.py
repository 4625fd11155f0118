"""The SMTP side: a message is answered with 250 only after it is stored."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

from sandbox.mailsink import mailbox
from sandbox.mailsink.delivery_mode import DeliveryMode
from sandbox.store import Store

log = logging.getLogger("mailsink")

LARGEST_MESSAGE = 10_000_000
OK = "250 2.0.0 Stored"
FULL = "452 4.3.1 Not stored, try again later"


class Inbox:
    """The handler of aiosmtpd, which calls its methods by name."""

    def __init__(self, store: Store, mood: DeliveryMode) -> None:
        self._store, self._mood = store, mood

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if objection := self._mood.objection(address):
            return objection
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        answer = OK if self._mood.mode == "drop_after_data" else await self._keep(envelope)
        if self._mood.mode.startswith("drop_after_data"):
            _hang_up(server)
        return answer

    async def _keep(self, envelope: Envelope) -> str:
        raw = envelope.original_content or b""
        sender, recipients = envelope.mail_from or "", list(envelope.rcpt_tos)
        try:
            await self._store.write(lambda db: mailbox.add(db, sender, recipients, raw))
        except sqlite3.Error:
            log.exception("a message could not be stored")
            return FULL
        return OK


async def listen(store: Store, mood: DeliveryMode, host: str, port: int) -> asyncio.Server:
    loop = asyncio.get_running_loop()

    def protocol() -> Any:
        inbox = Inbox(store, mood)
        return SMTP(inbox, data_size_limit=LARGEST_MESSAGE, enable_SMTPUTF8=mood.smtputf8, hostname="mailsink")

    return await loop.create_server(protocol, host, port)


def _hang_up(server: SMTP) -> None:
    transport: Any = server.transport
    transport.abort()
