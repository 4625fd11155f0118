"""Signing keys, one for each purpose, derived from one secret, so that a signature for one purpose is worth nothing for
another.

The secret can be rotated without an interruption: new signatures are made with JWT_SECRET, those made with
JWT_SECRET_PREVIOUS go on being accepted. So do signatures made with the underived secret, from before there were
purposes.
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
    MAILBOX = "mailbox"  # under which mails to one mailbox are counted
    MESSAGE = "message"  # what makes two copies of a mail the same
    PERSON = "same person"  # by which offers know a customer again whose account is erased
    REQUEST = "request"  # fingerprints of requests with an Idempotency-Key


def signing(purpose: Purpose) -> bytes:
    """Derive the key for new signatures."""
    return _divided(settings().jwt_secret, purpose)


def accepted(purpose: Purpose) -> list[bytes]:
    """List every key whose signatures are still accepted, the current one first."""
    secrets = [secret for secret in (settings().jwt_secret, settings().jwt_secret_previous) if secret]
    return [_divided(secret, purpose) for secret in secrets] + [secret.encode() for secret in secrets]


def mark(purpose: Purpose, *parts: str) -> str:
    """Compute a keyed hash of `parts`, 32 hex digits, from which they cannot be read."""
    return _mark(signing(purpose), parts)


def message(event: str, *parts: str) -> str:
    """Compute the mark by which two copies of a mail are the same: from the event, its subject and the recipient.

    Nothing in it is random, so that a shop restored from a backup that does not know of the mail makes the same one.
    """
    return mark(Purpose.MESSAGE, event, *parts)


def is_mark(shown: str, purpose: Purpose, *parts: str) -> bool:
    """Tell whether `shown` is the mark of `parts` under any accepted key. Compares in constant time."""
    marks = [_mark(key, parts).encode() for key in accepted(purpose)]
    return any(hmac.compare_digest(shown.encode(), mark) for mark in marks)


def serializer(purpose: Purpose, salt: str) -> URLSafeSerializer:
    """Make a serializer for links: it signs with the current key and reads what any accepted key has signed."""
    oldest_first = accepted(purpose)[::-1]
    return URLSafeSerializer(oldest_first, salt=salt, signer_kwargs={"digest_method": hashlib.sha256})


@cache
def _divided(secret: str, purpose: Purpose) -> bytes:
    """Derive a key with HKDF-SHA256 (RFC 5869), without a salt, one block: 32 bytes."""
    extracted = hmac.new(bytes(32), secret.encode(), hashlib.sha256).digest()
    return hmac.new(extracted, f"orderwave {purpose}\x01".encode(), hashlib.sha256).digest()


def _mark(key: bytes, parts: Sequence[str]) -> str:
    return hmac.new(key, "\0".join(parts).encode(), hashlib.sha256).hexdigest()[:32]
