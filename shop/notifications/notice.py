"""What is handed over: a letter to be written, to whom and by which channel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shop.consent.topics import Channel


@dataclass(frozen=True)
class Notice:
    """`id` is its row's. `values` may hold links that open something.

    `mark`: the same one again is the same message, even out of a backup that does not know the row any more.
    """

    id: str
    kind: str
    to: str
    language: str
    values: Mapping[str, Any] = field(repr=False)
    channel: str = Channel.EMAIL
    mark: str = ""
    unasked: bool = False  # whoever gets it may have nothing to do with it: mail_limits.py counts it
