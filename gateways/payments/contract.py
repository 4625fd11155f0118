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
    """A provider event whose signature is wrong or too old, or whose body is no event."""


@dataclass(frozen=True)
class Intent:
    """A charge to be made: `amount` in minor units, by the payment method behind `token`, for the order `reference`.

    `capture`: take the money at once; False: only authorise it.
    """

    amount: int
    currency: str
    token: str = field(repr=False)
    reference: str
    capture: bool = True


@dataclass(frozen=True)
class Receipt:
    """The state of a charge, a capture or a refund at the provider. Amounts are in minor units.

    `amount`: of a charge, what was captured, or, while nothing was, what is to be; of a capture or a refund its own.
    `in_parts`: an authorisation that can be captured more than once. `moved`: the id of a capture in the provider's
    ledger if it is not its charge's first; None: the ledger has it under the charge's id. `given_back`: how much of a
    charge was refunded so far, also by staff at the provider; two receipts are equal whatever it is.
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
    """A provider event: the provider reports that something changed. It is a reason to `fetch`, not a fact to store.

    `created`: seconds since 1970; `amount`: minor units. If it is `about` a transfer, `provider_id` is the transfer's,
    and `reference` what its sender wrote.
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
    """One movement of money in the provider's own ledger; `amount` in minor units.

    `kind` is `capture` or `refund`, or another word for what the shop did not ask for (a chargeback, say).
    `provider_id` is the id that the shop stores: the charge's for its first capture, the movement's own for others and
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
    """One page of a ledger. `next`: the cursor of the next page; None: this was the last."""

    entries: Sequence[Entry]
    next: str | None


class PaymentGateway(Protocol):
    """A payment provider. Its methods are called from many threads, and calls with one key must have one effect.

    Every call may raise Refused (final), TryAgain (nothing happened) and Unknown (call again with the same key).
    """

    @property
    def transfers(self) -> IncomingTransfers | None:
        """Return the provider's list of money sent to the shop's account; None: it has none."""

    def charge(self, intent: Intent, *, key: str) -> Receipt:
        """Take the money, or authorise it. A repeated key returns how the first charge with this key stands today."""

    def capture(self, provider_id: str, amount: int | None = None, *, key: str, final: bool = True) -> Receipt:
        """Capture an authorisation: all that is left of it, or `amount` (minor units), which is the receipt's.

        What is left after a `final` capture is released. Callers pass `final=False` only for a charge whose receipt had
        `in_parts`.
        """

    def void(self, provider_id: str, *, key: str) -> Receipt:
        """Void an authorisation, or a charge that waits for its customer."""

    def refund(self, provider_id: str, amount: int, *, key: str) -> Receipt:
        """Refund `amount` (minor units) of a charge. The receipt's provider_id is the refund's own."""

    def find(self, key: str) -> Receipt | None:
        """Return how the charge or refund made with this key stands today; None if the provider never saw the key.

        Raises Refused if it was refused, Unknown while it is in flight.
        """

    def fetch(self, provider_id: str) -> Receipt:
        """Return how a charge stands today. Raises Refused if it has failed."""

    def ledger(self, since: datetime, until: datetime, cursor: str | None = None) -> Page:
        """Return a page of the movements from `since` to before `until`, each movement once over all pages.

        `cursor`: `next` of the page before; it stays valid for days.
        """

    def verify_webhook(self, headers: Mapping[str, str], body: bytes) -> Event:
        """Return the event of an incoming webhook. Raises BadSignature."""
