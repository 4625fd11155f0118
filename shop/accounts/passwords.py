"""Passwords: bcrypt over a digest, at most AT_ONCE hashes at a time.

An unknown account takes as long as a known one.
"""

from __future__ import annotations

import base64
import hashlib
import threading
import unicodedata
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import bcrypt

from config import settings
from shop.kernel.errors import Refusal

SHORTEST, LONGEST = 8, 1024
AT_ONCE = 2  # a hash keeps one processor busy for a quarter of a second: the shop needs the others
MOST_WAITING = 10
SHARE = 4  # most hashes of one client address, at work and waiting: it must not hold up other clients
PATIENCE = 3.0  # seconds

_turn = threading.Semaphore(AT_ONCE)
_lock = threading.Lock()
BUSY = "Many people sign in right now. Try again in a moment."

_inside: Counter[str | None] = Counter()  # hashes at work or waiting, by client address


class TooManyLogins(Refusal):
    """More sign-ins are under way in this process than it can check."""

    status, code, title, retry_after = 503, "busy", "Busy", 1


def hash_password(password: str, *, address: str | None = None) -> str:
    """Hash a password. Takes about a quarter of a second: never call it inside a transaction.

    `address`: the client's network address. Raises TooManyLogins.
    """
    with _one_of_few(address):
        return bcrypt.hashpw(_digest(password), bcrypt.gensalt(settings().bcrypt_cost)).decode()


def matches(password: str, hashed: str | None, *, address: str | None = None) -> bool:
    """Check a password against its hash. None (no such account) takes as long and is always false.

    Never call it inside a transaction. Raises TooManyLogins.
    """
    with _one_of_few(address):
        return bcrypt.checkpw(_digest(password), (hashed or _nobody()).encode()) and hashed is not None


def _digest(password: str) -> bytes:
    """Reduce a password of any length and any letters to 44 bytes: bcrypt itself takes 72 bytes and no NUL."""
    text = unicodedata.normalize("NFKC", password)
    return base64.b64encode(hashlib.sha256(text.encode()).digest())


@cache
def _nobody() -> str:
    """Hash a random password at the usual cost, to be compared with where there is no account."""
    return bcrypt.hashpw(bcrypt.gensalt(4), bcrypt.gensalt(settings().bcrypt_cost)).decode()


@contextmanager
def _one_of_few(address: str | None) -> Iterator[None]:
    """Wait for a turn, PATIENCE seconds at most and in a short queue: the threads are needed by the shop.

    Raises TooManyLogins.
    """
    _enter(address)
    try:
        if not _turn.acquire(timeout=PATIENCE):
            raise TooManyLogins(BUSY)
        try:
            yield
        finally:
            _turn.release()
    finally:
        _leave(address)


def _enter(address: str | None) -> None:
    with _lock:
        full = _inside.total() >= AT_ONCE + MOST_WAITING
        if full or (address is not None and _inside[address] >= SHARE):
            raise TooManyLogins(BUSY)
        _inside[address] += 1


def _leave(address: str | None) -> None:
    with _lock:
        _inside[address] -= 1
        if not _inside[address]:
            del _inside[address]
