"""Order numbers: drawn at random, and found again in free text, however it is spaced."""

from __future__ import annotations

import re
import secrets

ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # 32, so that a byte picks each as often
LENGTH = 10

_BETWEEN = re.compile("[^0-9A-Z]")
_ONE = re.compile(f"[{ALPHABET}]{{{LENGTH}}}")


def new() -> str:
    return "".join(ALPHABET[byte % len(ALPHABET)] for byte in secrets.token_bytes(LENGTH))


def named_in(text: str) -> list[str]:
    """Return every stretch of the text that could be an order number; case, spaces, dashes and other words are ignored.

    The caller looks up which of them exist: of 32**10 numbers hardly one is hit by chance.
    """
    plain = _BETWEEN.sub("", text.upper())
    stretches = (plain[start : start + LENGTH] for start in range(len(plain) - LENGTH + 1))
    return [stretch for stretch in stretches if _ONE.fullmatch(stretch)]
