"""The shop's own currency and the ISO 4217 codes.

A variant is sold in another currency only where staff have set a price in it.
"""

from __future__ import annotations

from iso4217 import CODES

__all__ = ["CODES", "OURS"]

OURS = "EUR"  # the shop's own: every variant has a price in it
