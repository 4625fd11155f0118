"""Which parties may turn a job back, and which of its steps must not be settled by hand.

TURN_BACK has an entry for every workflow: a test compares.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Party(StrEnum):
    CUSTOMER = "customer"  # or guest: of the order it is about, if they asked for it
    STAFF = "staff"
    ADMIN = "admin"


Parties = frozenset[Party]

NOBODY: Parties = frozenset()
ADMIN: Parties = frozenset({Party.ADMIN})
STAFF: Parties = ADMIN | {Party.STAFF}
ALL: Parties = STAFF | {Party.CUSTOMER}

TURN_BACK: Mapping[str, Parties] = {
    "ask_return": ALL,
    "cancel_order": ALL,
    "capture_payment": NOBODY,  # the goods have left, or leave while it is on its way
    "deliver_webhook": STAFF,
    "import_catalogue": STAFF,
    "pay_order": ALL,
    "place_order": ALL,
    "receive_transfers": STAFF,
    "reconcile_payments": STAFF,
    "refund_payment": STAFF,
    "reject_return": STAFF,
    "remind_of_cart": STAFF,
    "remind_of_payment": STAFF,
    "return_order": STAFF,
    "run_periodic_task": STAFF,
    "send_account_mail": STAFF,
    "send_campaign": STAFF,
    "send_campaign_batch": STAFF,
    "send_campaign_trial": STAFF,
    "send_notification": STAFF,
    "send_order_link": STAFF,
    "tell_operators": STAFF,
    "send_stock_alert": STAFF,
    "tell_of_stock": STAFF,
    "verify_payment": STAFF,
    "void_payment": STAFF,
}

SKIP: Mapping[tuple[str, str], Parties] = {
    ("place_order", "reserve_stock"): NOBODY,
    ("place_order", "charge_payment"): NOBODY,
    ("place_order", "confirm_order"): NOBODY,
    ("pay_order", "withdraw_payment"): NOBODY,
    ("pay_order", "charge_payment"): NOBODY,
    ("pay_order", "settle_order"): NOBODY,
    ("capture_payment", "begin"): NOBODY,
    ("capture_payment", "capture_payment"): ADMIN,  # what has left and is not paid for is written off
}
"""Steps on the way forward without which goods would leave unpaid, with the parties that may settle them by hand.

All other steps staff may settle.
"""
