"""The connections of one process to its mail server: a few, kept open, each for one thread at a time."""

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
    """Room for one connection; `smtp` is None while there is none."""

    def __init__(self, server: Server, smtp: smtplib.SMTP | None) -> None:
        self._server, self.smtp = server, smtp

    def open(self) -> smtplib.SMTP:
        """Open a new connection in place of the old one.

        Raises TryAgain, away, if the server cannot be reached or does not accept our login.
        """
        self.close()
        try:
            self.smtp = self._server.connect()
        except smtplib.SMTPAuthenticationError as error:
            raise TryAgain("mail_misconfigured", "The mail server does not know us.", away=True) from error
        except (smtplib.SMTPException, OSError) as error:
            raise TryAgain(GONE, away=True) from error
        return self.smtp

    def tidy(self) -> None:
        """Reset the connection after a refusal, so that the next mail starts from the beginning."""
        try:
            if self.smtp:
                self.smtp.rset()
        except (OSError, smtplib.SMTPException):
            self.close()

    def close(self) -> None:
        """Close the connection without a QUIT, which could block."""
        if self.smtp:
            self.smtp.close()
        self.smtp = None


class Lines:
    """A pool of at most `size` connections. It must not be shared across a fork: see `of_this_process`."""

    def __init__(self, server: Server, size: int) -> None:
        self._server, self._size, self._pid = server, size, os.getpid()
        self._room = threading.BoundedSemaphore(size)
        self._free: list[smtplib.SMTP] = []  # last in, first out, so that connections that are not needed go stale
        self._lock = threading.Lock()

    def of_this_process(self) -> Lines:
        """Return this pool, or in a forked child a new one: the connections belong to the parent."""
        if self._pid == os.getpid():
            return self
        for smtp in self._free:
            smtp.close()
        return Lines(self._server, self._size)

    @contextmanager
    def place(self) -> Iterator[ConnectionSlot]:
        """Lend a slot for one mail, with a kept connection if there is one.

        Raises TryAgain when none is free for SECONDS.
        """
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
