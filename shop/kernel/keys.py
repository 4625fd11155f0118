"""Keys for each purpose, divided from one secret, so that what is signed for one is worth nothing for another.

The secret can be changed without anybody noticing: what is new is signed with JWT_SECRET, and what was signed with
JWT_SECRET_PREVIOUS goes on being accepted. So does what was signed with the undivided secret, before there were keys.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from enum import StrEnum
from functools import cache

from itsdangerous import URLSafeSerializer

from config import settings


class Purpose(StrEnum):
    ACCESS_TOKEN = "access token"  # noqa: S105 - a name
    REFRESH_TOKEN = "refresh token"  # noqa: S105 - a name
    ACCOUNT_LINK = "account link"
    UNSUBSCRIBE_LINK = "unsubscribe link"
    ORDER_TOKEN = "order token"  # noqa: S105 - a name
    MAILBOX = "mailbox"  # that mails are counted by
    MESSAGE = "message"  # what makes two copies of a mail the same
    PERSON = "same person"  # who has left is known by
    REQUEST = "request"  # what was asked under an Idempotency-Key


def signing(purpose: Purpose) -> bytes:
    """The key for what is signed from now on."""
    return _divided(settings().jwt_secret, purpose)


def accepted(purpose: Purpose) -> list[bytes]:
    """Every key that may have signed what comes back, the current one first."""
    secrets = [secret for secret in (settings().jwt_secret, settings().jwt_secret_previous) if secret]
    return [_divided(secret, purpose) for secret in secrets] + [secret.encode() for secret in secrets]


def mark(purpose: Purpose, *parts: str) -> str:
    """A short sign of these parts, which does not tell what they are."""
    return _mark(signing(purpose), parts)


def message(event: str, *parts: str) -> str:
    """What makes two copies of a mail the same: made of the event, what it is about and who is told, of nothing random.

    So a shop restored from a backup that does not know the mail went makes the same one again.
    """
    return mark(Purpose.MESSAGE, event, *parts)


def is_mark(shown: str, purpose: Purpose, *parts: str) -> bool:
    """Whether this is, or was under an accepted key, the mark of these parts."""
    marks = [_mark(key, parts).encode() for key in accepted(purpose)]
    return any(hmac.compare_digest(shown.encode(), mark) for mark in marks)


def serializer(purpose: Purpose, salt: str) -> URLSafeSerializer:
    """For links: signs with the current key, reads what an accepted one has signed."""
    oldest_first = accepted(purpose)[::-1]
    return URLSafeSerializer(oldest_first, salt=salt, signer_kwargs={"digest_method": hashlib.sha256})


@cache
def _divided(secret: str, purpose: Purpose) -> bytes:
    """HKDF-SHA256 (RFC 5869) without a salt, of one block: 32 bytes."""
    extracted = hmac.new(bytes(32), secret.encode(), hashlib.sha256).digest()
    return hmac.new(extracted, f"orderwave {purpose}\x01".encode(), hashlib.sha256).digest()


def _mark(key: bytes, parts: Sequence[str]) -> str:
    return hmac.new(key, "\0".join(parts).encode(), hashlib.sha256).hexdigest()[:32]
