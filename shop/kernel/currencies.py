"""The shop's currency, and those there are. What is sold in one has a price in it that somebody has set."""

from __future__ import annotations

from iso4217 import CODES

__all__ = ["CODES", "OURS"]

OURS = "EUR"  # the shop's own: every variant has a price in it
