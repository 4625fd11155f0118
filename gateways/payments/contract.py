"""What the shop expects of every payment provider."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from gateways.payments.transfers import IncomingTransfers

About = Literal["charge", "transfer"]
Status = Literal["captured", "authorised", "requires_action", "refunded", "voided"]


class BadSignature(ValueError):
    """A webhook that is not the provider's, was altered, or is too old."""


@dataclass(frozen=True)
class Intent:
    """A wish to be paid `amount` minor units with `token`, for the order `reference`."""

    amount: int
    currency: str
    token: str = field(repr=False)
    reference: str
    capture: bool = True


@dataclass(frozen=True)
class Receipt:
    """What the provider has done, and where it stands. `amount`: what was taken; as long as nothing was, is to be.

    `in_parts`: an authorisation that can be captured more than once. `moved`: of a capture that is not its charge's
    first, what the movement is known by; else the charge's own id does. `given_back`: of a charge, how much of it went
    back so far, by whoever; an answer is the same answer whatever that is by now.
    """

    provider_id: str
    status: Status
    amount: int
    currency: str
    next_action: dict[str, Any] | None = None
    in_parts: bool = False
    moved: str | None = None
    given_back: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Event:
    """A provider's word that something changed. It is a reason to `fetch`, not a fact to store.

    `about` a transfer: `provider_id` is the transfer's, and `reference` what its sender wrote.
    """

    id: str
    type: str
    created: int
    provider_id: str
    reference: str
    status: str
    amount: int
    currency: str
    about: About = "charge"


@dataclass(frozen=True)
class Entry:
    """One movement of money in the provider's own ledger.

    `kind` is `capture` or `refund`, or another word for what the shop did not ask for (a chargeback, say).
    `provider_id` is what the shop knows it by: the charge's for its first capture, the movement's own for others and
    for refunds.
    """

    kind: str
    provider_id: str
    amount: int
    currency: str
    reference: str
    at: datetime


@dataclass(frozen=True)
class Page:
    """A part of a ledger, and where the next one begins; None: this was the last."""

    entries: Sequence[Entry]
    next: str | None


class PaymentGateway(Protocol):
    """Every method may raise Refused (final), TryAgain (nothing happened) and Unknown (ask again, same key)."""

    @property
    def transfers(self) -> IncomingTransfers | None:
        """What it tells of money sent to our account; None: it knows of none."""

    def charge(self, intent: Intent, *, key: str) -> Receipt:
        """Take the money, or authorise it. A repeated key tells how that same charge stands today."""

    def capture(self, provider_id: str, amount: int | None = None, *, key: str, final: bool = True) -> Receipt:
        """Take what is authorised: all that is left of it, or `amount`, which is the receipt's.

        What is left then is let go, unless it is not `final`; that is only said where the receipt had `in_parts`.
        """

    def void(self, provider_id: str, *, key: str) -> Receipt:
        """Let go of an authorisation, or of a charge that waits for its shopper."""

    def refund(self, provider_id: str, amount: int, *, key: str) -> Receipt:
        """Give `amount` back. The receipt's provider_id is the refund's own."""

    def find(self, key: str) -> Receipt | None:
        """What became of this key, as it stands today; None when it was never seen.

        Raises Refused when the answer was a no, Unknown while it is in flight.
        """

    def fetch(self, provider_id: str) -> Receipt:
        """How a charge stands today. Raises Refused when it has failed."""

    def ledger(self, since: datetime, until: datetime, cursor: str | None = None) -> Page:
        """What moved from `since` to before `until`, each movement once. A cursor stays good for days."""

    def verify_webhook(self, headers: Mapping[str, str], body: bytes) -> Event:
        """The event in a webhook, or BadSignature."""
