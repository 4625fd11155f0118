"""What the shop expects of a channel: a gateway that carries messages to customers, guests and operators."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True)
class Message:
    """One message to one recipient.

    `to`: a mail address; for other channels the id of an account. `id`: the notification's.

    `mark`: its idempotency key: a message with the same mark is the same message.
    """

    id: str
    to: str
    subject: str
    text: str = field(repr=False)
    html: str = field(repr=False)
    mark: str


class Channel(Protocol):
    def send(self, message: Message) -> str:
        """Hand the message to the provider. Returns the provider's answer as a sentence without personal data.

        Raises Refused, TryAgain while nothing was handed over, and Unknown when it may have been.
        """
