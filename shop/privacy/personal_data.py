"""Personal data, noun by noun: exported on request, erased with the account.

A noun that keeps personal data adds itself to one of the first two tables below, and to the last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

from sqlalchemy.orm import Session

from shop.accounts import addresses, sessions, users
from shop.accounts import tags as user_tags
from shop.consent import consents
from shop.kernel import idempotency
from shop.kernel.batches import Page, Tell
from shop.notices import history as notification_history
from shop.notifications import outbox
from shop.payments import queries as payment_queries
from shop.pricing import coupon_redemptions
from shop.privacy import order_export
from shop.stock import alerts as stock_alerts
from shop.wallets import wallets

TOLD: dict[str, Callable[[Session, str], Any]] = {
    "profile": users.export_for,
    "addresses": lambda session, id: [addresses.postal(row) for row in addresses.of(session, id)],
    "stock_alerts": stock_alerts.export_for,
    "tags": lambda session, id: user_tags.of(session, [id]).get(id, []),
}

TOLD_BY_PAGE: dict[str, Tell] = {
    "consents": consents.export_for,
    "sessions": sessions.export_for,
    "orders": order_export.export_for,
    "payments": payment_queries.export_for,
    "wallet": wallets.export_for,
    "coupon_uses": coupon_redemptions.export_for,
    "notifications": notification_history.export_for,
}

FORGOTTEN: list[Callable[[Session, str], None]] = [
    addresses.erase,
    consents.erase,
    coupon_redemptions.erase,
    outbox.erase,
    sessions.revoke_all,
    stock_alerts.erase,
    user_tags.erase,
    lambda session, id: idempotency.forget(session, f"user:{id}"),
    users.erase,
    # orders are anonymised once they are over, see order_anonymisation.py
]


def export_for(session: Session, user_id: str) -> dict[str, Any]:
    """Export what is never much. The rest comes page by page, from `TOLD_BY_PAGE`."""
    return {name: tell(session, user_id) for name, tell in TOLD.items()}


def pages(read: Callable[[], AbstractContextManager[Session]], user_id: str, tell: Tell) -> Iterator[list[Any]]:
    """Read all pages of one noun, each in a session of its own, so that a slow client holds no connection."""
    page = Page([], ())
    while page.last is not None:
        with read() as session:
            page = tell(session, user_id, page.last or None)
        yield page.rows


def forget(session: Session, user_id: str) -> None:
    """Erase the account and its personal data. Raises LastAdmin for the only admin, and NotFound."""
    for one in FORGOTTEN:
        one(session, user_id)
