"""What the shop expects of a provider that reports bank transfers to its account. Not every provider does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True)
class Transfer:
    """One transfer to the shop's account, `amount` in minor units. `reference`: the purpose as its sender wrote it."""

    id: str
    amount: int
    currency: str
    reference: str
    at: datetime


@dataclass(frozen=True)
class TransferPage:
    """One page of transfers. `next`: the cursor of the next page; None: this was the last."""

    transfers: Sequence[Transfer]
    next: str | None


class IncomingTransfers(Protocol):
    """A provider's list of transfers. Both methods only read; they may raise Refused (final), TryAgain and Unknown."""

    def fetch(self, id: str) -> Transfer:
        """Return the transfer with this id. Raises Refused if there is none."""

    def came(self, since: datetime, until: datetime, cursor: str | None = None) -> TransferPage:
        """Return a page of the transfers booked from `since` to before `until`, each once over all pages."""
