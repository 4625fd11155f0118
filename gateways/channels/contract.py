"""What the shop expects of whoever carries a message to somebody, by whichever way."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True)
class Message:
    """`to`: a mail address; for other channels the id of an account. `id`: the notification's.

    `mark`: the same one again is the same message.
    """

    id: str
    to: str
    subject: str
    text: str = field(repr=False)
    html: str = field(repr=False)
    mark: str


class Channel(Protocol):
    def send(self, message: Message) -> str:
        """Hand it over. Returns what the provider answered, in words that name nobody.

        Raises Refused, TryAgain while nothing was handed over, and Unknown when nobody knows.
        """
