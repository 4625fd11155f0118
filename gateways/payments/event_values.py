"""Checks of the values in a provider event: also a signed one may hold nonsense, or be newer than this code."""

from __future__ import annotations

import json
from typing import Any

LAST_SECOND = 253_402_300_799  # of the year 9999
MOST_MONEY = 10**15  # minor units


def document(body: bytes) -> dict[str, Any]:
    """Return the JSON object in `body`. Raises ValueError."""
    try:
        found = json.loads(body)
    except RecursionError as error:
        raise ValueError("is nested too deeply") from error
    if not isinstance(found, dict):
        raise ValueError("is not an object")
    return found


def seconds(value: object) -> int:
    """Return the value if it can be whole seconds since 1970. Raises ValueError."""
    return _whole(value, LAST_SECOND)


def minor_units(value: object) -> int:
    """Return the value if it can be an amount in minor units. Raises ValueError."""
    return _whole(value, MOST_MONEY)


def text(value: object) -> str:
    """Return the value if it is text, "" for None. Raises ValueError."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError("is not text")
    return value


def _whole(value: object, most: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise ValueError("is not a whole number within its bounds")
    return value
