"""What the shop knows of a person, noun by noun: told when they ask, forgotten when they leave.

A noun that keeps personal data adds itself to both tables below.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy.orm import Session

from shop import (
    addresses,
    commands,
    consents,
    coupon_uses,
    notification_list,
    notifications,
    order_history,
    payment_list,
    sessions,
    user_tags,
    users,
    wallets,
)

TOLD: dict[str, Callable[[Session, str], Any]] = {
    "profile": users.told,
    "consents": consents.told,
    "addresses": lambda session, id: [addresses.postal(row) for row in addresses.of(session, id)],
    "sessions": sessions.told,
    "tags": lambda session, id: user_tags.of(session, [id]).get(id, []),
    "orders": order_history.told,
    "payments": payment_list.told,
    "wallet": wallets.told,
    "coupon_uses": coupon_uses.told,
    "notifications": notification_list.told,
}

FORGOTTEN: list[Callable[[Session, str], None]] = [
    addresses.erase,
    consents.erase,
    coupon_uses.erase,
    notifications.erase,
    sessions.revoke_all,
    user_tags.erase,
    lambda session, id: commands.forget(session, f"user:{id}"),
    users.erase,
    # orders: forget by themselves once they are over, see order_privacy.py
]


def told(session: Session, user_id: str) -> dict[str, Any]:
    return {name: tell(session, user_id) for name, tell in TOLD.items()}


def forget(session: Session, user_id: str) -> None:
    for one in FORGOTTEN:
        one(session, user_id)
