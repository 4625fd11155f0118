"""Sample values for every letter: for the preview, and to try each template in every language."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

_CASEY = {"name": "Casey Customer"}
_LINK = {"link": "https://shop.example.com/account#token=sample"}
_ACCOUNT = "The Shop, IBAN DE02 1203 0000 0000 2020 51"
_ORDER = {**_CASEY, **_LINK, "number": "K7QX2M9WPT", "currency": "EUR"}
_GOODS = {"goods": ["2 x Crunchy Armchair", "1 x Lamp"]}
_WHEN = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)

SAMPLES: Mapping[str, Mapping[str, Any]] = {
    "verify_email": {**_CASEY, **_LINK},
    "password_reset": {**_CASEY, **_LINK},
    "password_changed": _CASEY,
    "email_changed": _CASEY,
    "session_ended": _CASEY,
    "order_confirmed": {
        **_ORDER,
        "placed": _WHEN,
        "paid": True,
        "late": True,
        "breakdown": [
            {"label": "2 x Crunchy Armchair", "amount": 123800},
            {"label": "Spring", "amount": -12380},
            {"label": "Shipping, standard", "amount": 490},
            {"label": "Tax", "amount": 1990},
        ],
        "coupon": "SPRING",
        "total": 113900,
        "tax": 18186,
        "tax_included": True,
    },
    "payment_action": {**_ORDER, "total": 113900, "by_transfer": True, "declined": False, "account": _ACCOUNT},
    "order_expired": _ORDER,
    "order_failed": {**_ORDER, "why": "sold_out"},
    "order_shipped": {**_ORDER, **_GOODS, "shipped": _WHEN, "carrier": "DHL", "tracking": "00340434161094042557"},
    "order_cancelled": {**_ORDER, "taken": True},
    "refunded": {**_ORDER, "amount": 61900, "how": "source"},
    "return_asked": {**_ORDER, **_GOODS},
    "return_received": {**_ORDER, **_GOODS},
    "return_rejected": {**_ORDER, **_GOODS, "answer": "It was worn."},
    "order_link": _ORDER,
    "cart_reminder": {**_CASEY, **_LINK, **_GOODS, "unsubscribe": "https://shop.example.com/api/unsubscribe/sample"},
    "back_in_stock": {
        **_CASEY,
        **_LINK,
        "article": "Crunchy Armchair, green",
        "unsubscribe": "https://shop.example.com/api/unsubscribe/sample",
    },
    "message": {**_CASEY, "subject": "About your question", "text": "It is here again.\n\nGreetings\nSam"},
    "webhook_disabled": {**_CASEY, "url": "https://erp.example.com/hook", "why": "failing"},
}
