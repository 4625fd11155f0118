"""Signatures of webhook deliveries in the format of standardwebhooks.com: three headers over the body as it is sent."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime

PREFIX = "whsec_"


def headers(id: str, at: datetime, body: bytes, secrets: Sequence[str]) -> dict[str, str]:
    """Return the three headers, with one signature for each secret: two while the receiver changes to a new one."""
    seconds = str(int(at.timestamp()))
    signed = [_signature(secret, id, seconds, body) for secret in secrets]
    return {"webhook-id": id, "webhook-timestamp": seconds, "webhook-signature": " ".join(signed)}


def _signature(secret: str, id: str, seconds: str, body: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(PREFIX))
    digest = hmac.new(key, f"{id}.{seconds}.".encode() + body, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()
