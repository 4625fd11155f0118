"""The tour's output and its assertions."""

from __future__ import annotations

from typing import Any

import iso4217
from demo.door import Unexpected
from deploy.console import paint


def title(text: str) -> None:
    print(f"\n{paint(text, 'bold')}")


def say(text: str) -> None:
    print(f"   {text}", flush=True)


def money(amount: dict[str, Any]) -> str:
    return iso4217.shown(amount["amount"], amount["currency"])


def must(true: bool, otherwise: str) -> None:
    """Raise Unexpected with the message `otherwise` unless `true`."""
    if not true:
        raise Unexpected(otherwise)
