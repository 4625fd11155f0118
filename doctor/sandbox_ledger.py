"""The sandbox bank's own ledger, read over HTTP, to judge ours by. Other providers have no such endpoint."""

from __future__ import annotations

from typing import Any

import urllib3

from config import settings
from doctor.checks import CouldNotLook


def books() -> dict[str, list[dict[str, Any]]]:
    """Return `entries` and `transfers` of the bank's ledger; both empty for another provider than the sandbox.

    Raises CouldNotLook when the bank does not answer.
    """
    if settings().payment_provider != "sandbox":
        return {"entries": [], "transfers": []}
    url = f"{settings().bank_url}/ledger"
    try:
        answer = urllib3.request("GET", url, timeout=30.0, retries=False)
    except urllib3.exceptions.HTTPError as error:
        raise CouldNotLook(f"the bank's ledger at {url} can not be read: {type(error).__name__}") from error
    told: dict[str, list[dict[str, Any]]] = answer.json()
    return told
