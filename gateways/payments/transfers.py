"""What the shop expects of a provider that tells of money sent to its account. Not every provider knows of any."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True)
class Transfer:
    """Money that somebody sent to our account. `reference` is what they wrote as its purpose, as they wrote it."""

    id: str
    amount: int
    currency: str
    reference: str
    at: datetime


@dataclass(frozen=True)
class TransferPage:
    """A part of a list, and where the next one begins; None: this was the last."""

    transfers: Sequence[Transfer]
    next: str | None


class IncomingTransfers(Protocol):
    """Both methods only look. They may raise Refused (final), TryAgain and Unknown, as those of PaymentGateway."""

    def fetch(self, id: str) -> Transfer:
        """One that an event has told of. Raises Refused when there is none."""

    def came(self, since: datetime, until: datetime, cursor: str | None = None) -> TransferPage:
        """What was booked from `since` to before `until`, each once."""
