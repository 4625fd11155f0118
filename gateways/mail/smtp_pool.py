"""The connections of one process to its mail server: a few, kept while the server keeps them, lent to one at a time."""

from __future__ import annotations

import os
import smtplib
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from engine.outcomes import Outcome, Refused, TryAgain
from gateways.mail.server import SECONDS, Server

GONE = "mail_unreachable"


class ConnectionSlot:
    """Room for one connection; `smtp` None: there is none yet."""

    def __init__(self, server: Server, smtp: smtplib.SMTP | None) -> None:
        self._server, self.smtp = server, smtp

    def open(self) -> smtplib.SMTP:
        self.close()
        try:
            self.smtp = self._server.connect()
        except smtplib.SMTPAuthenticationError as error:
            raise TryAgain("mail_misconfigured", "The mail server does not know us.", away=True) from error
        except (smtplib.SMTPException, OSError) as error:
            raise TryAgain(GONE, away=True) from error
        return self.smtp

    def tidy(self) -> None:
        """The server said no and is well: the next mail starts from the beginning."""
        try:
            if self.smtp:
                self.smtp.rset()
        except (OSError, smtplib.SMTPException):
            self.close()

    def close(self) -> None:
        """Without a QUIT, which could block."""
        if self.smtp:
            self.smtp.close()
        self.smtp = None


class Lines:
    """At most `size`; who finds none free waits, but not for ever. Never shared across a fork."""

    def __init__(self, server: Server, size: int) -> None:
        self._server, self._size, self._pid = server, size, os.getpid()
        self._room = threading.BoundedSemaphore(size)
        self._free: list[smtplib.SMTP] = []  # the last one used is the next, so that those not needed go stale
        self._lock = threading.Lock()

    def of_this_process(self) -> Lines:
        """A forked child begins anew, and lets go of what is its parent's."""
        if self._pid == os.getpid():
            return self
        for smtp in self._free:
            smtp.close()
        return Lines(self._server, self._size)

    @contextmanager
    def place(self) -> Iterator[ConnectionSlot]:
        if not self._room.acquire(timeout=SECONDS):
            raise TryAgain(GONE, "Every connection to the mail server is busy.")
        place = ConnectionSlot(self._server, self._take())
        try:
            yield place
        except Outcome as said:
            (place.tidy if _answered(said) else place.close)()
            raise
        except BaseException:
            place.close()
            raise
        finally:
            self._give_back(place)
            self._room.release()

    def close(self) -> None:
        while smtp := self._take():
            smtp.close()

    def _take(self) -> smtplib.SMTP | None:
        with self._lock:
            return self._free.pop() if self._free else None

    def _give_back(self, place: ConnectionSlot) -> None:
        if place.smtp:
            with self._lock:
                self._free.append(place.smtp)


def _answered(said: Outcome) -> bool:
    return isinstance(said, Refused) or said.code == "mail_deferred"
