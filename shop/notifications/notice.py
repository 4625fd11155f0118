"""A message ready to be rendered and sent: which letter, to whom, by which channel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shop.consent.topics import Channel


@dataclass(frozen=True)
class Notice:
    """A message ready to be sent. `id`: of its row; `values`: fill the letter, and may hold links that grant access.

    `mark`: the same for two copies of one message, even out of a backup that does not know the row any more.
    """

    id: str
    kind: str
    to: str
    language: str
    values: Mapping[str, Any] = field(repr=False)
    channel: str = Channel.EMAIL
    mark: str = ""
    unasked: bool = False  # the recipient may be a stranger to it: mail_limits.py counts it
