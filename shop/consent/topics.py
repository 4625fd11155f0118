"""The topics that the shop writes about, and the channels it writes by."""

from __future__ import annotations

from enum import StrEnum


class Topic(StrEnum):
    ORDERS = "orders"  # confirmed, shipped, refunded: part of the sale, by e-mail always on
    ACCOUNT = "account"  # confirm an address, choose a password
    OFFERS = "offers"  # campaigns
    REMINDERS = "reminders"  # a cart that was left
    BACK_IN_STOCK = "back_in_stock"


class Channel(StrEnum):
    EMAIL = "email"
    SMS = "sms"
    PUSH = "push"


MARKETING = (Topic.OFFERS, Topic.REMINDERS, Topic.BACK_IN_STOCK)
"""Topics that need consent. The others are always on, by e-mail."""


def is_marketing(topic: str) -> bool:
    return topic in MARKETING
