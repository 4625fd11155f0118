"""Stripe's balance transactions as a ledger: the movements of payments, in the currency the customer paid in.

A transaction's own amount is in the currency of the account; its source (the charge, the refund, the dispute) has the
customer's. Fees and payouts are not about payments and are left out.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from engine.outcomes import Unknown
from gateways.payments.contract import Entry, Page
from gateways.payments.stripe_client import Client
from gateways.payments.stripe_shapes import Thing

PAGE = 100
KINDS = {"charge": "capture", "payment": "capture", "refund": "refund", "payment_refund": "refund"}


def page(client: Client, since: datetime, until: datetime, cursor: str | None) -> Page:
    """Return a page of the ledger, newest first. `cursor` is the last transaction's id of the page before."""
    window = {"gte": int(since.timestamp()), "lt": int(until.timestamp())}
    after = {"starting_after": cursor} if cursor else {}
    listing = client.v1.balance_transactions.list
    answer = client.call(listing, created=window, limit=PAGE, expand=["data.source"], **after)
    try:
        return Page(list(_entries(answer["data"])), answer["data"][-1]["id"] if answer["has_more"] else None)
    except (KeyError, TypeError, AttributeError) as error:
        raise Unknown("provider_garbled") from error


def _entries(moved: Iterable[Thing]) -> Iterable[Entry]:
    for one in moved:
        source = one.get("source")
        if isinstance(source, dict) and (one["type"] in KINDS or source.get("payment_intent")):
            yield _entry(one, source, KINDS.get(one["type"], one["type"][:20]))


def _entry(one: Thing, source: dict[str, Any], kind: str) -> Entry:
    """Make an Entry. A capture has its payment intent's id; a charge that the shop did not make has only its own."""
    known_by = source.get("payment_intent") if kind == "capture" else None
    amount = source.get("amount_captured") if kind == "capture" else None
    about = source.get("metadata") or {}
    return Entry(
        kind,
        known_by or source["id"],
        source["amount"] if amount is None else amount,
        source["currency"].upper(),
        str(about.get("reference", "")),
        datetime.fromtimestamp(one["created"], UTC),
    )
