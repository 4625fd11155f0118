"""Passwords: bcrypt over a digest, at most two at once, and as slow for nobody as for somebody."""

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
SHARE = 4  # of one address, at work and waiting: it is not to hold up those of others
PATIENCE = 3.0

_turn = threading.Semaphore(AT_ONCE)
_lock = threading.Lock()
BUSY = "Many people sign in right now. Try again in a moment."

_inside: Counter[str | None] = Counter()  # how many of each address are at work or waiting


class TooManyLogins(Refusal):
    """More people sign in at this moment than can be checked."""

    status, code, title, retry_after = 503, "busy", "Busy", 1


def hash_password(password: str, *, address: str | None = None) -> str:
    """Costs about a quarter of a second: never call it inside a transaction. `address`: who asks for it."""
    with _one_of_few(address):
        return bcrypt.hashpw(_digest(password), bcrypt.gensalt(settings().bcrypt_cost)).decode()


def matches(password: str, hashed: str | None, *, address: str | None = None) -> bool:
    """Whether it is the password. None (no such account) takes as long and is always false."""
    with _one_of_few(address):
        return bcrypt.checkpw(_digest(password), (hashed or _nobody()).encode()) and hashed is not None


def _digest(password: str) -> bytes:
    """Any length and any letter in 44 bytes: bcrypt itself takes 72 bytes and no NUL."""
    text = unicodedata.normalize("NFKC", password)
    return base64.b64encode(hashlib.sha256(text.encode()).digest())


@cache
def _nobody() -> str:
    """The hash of a password that nobody knows, at the usual cost."""
    return bcrypt.hashpw(bcrypt.gensalt(4), bcrypt.gensalt(settings().bcrypt_cost)).decode()


@contextmanager
def _one_of_few(address: str | None) -> Iterator[None]:
    """Wait for a turn, but not for long and not in a long queue: the threads are the shop's."""
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
