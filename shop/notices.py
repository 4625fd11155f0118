"""What is handed over: a letter to be written, to whom and by which channel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shop.topics import Channel


@dataclass(frozen=True)
class Notice:
    """`id` is its row's: the same one again is the same message. `values` may hold links that open something."""

    id: str
    kind: str
    to: str
    language: str
    values: Mapping[str, Any] = field(repr=False)
    channel: str = Channel.EMAIL
    unasked: bool = False  # whoever gets it may have nothing to do with it: mail_limits.py counts it
