"""Order numbers: made by chance, and found again in what people write, however they space it."""

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
    """Every stretch of it that could be a number: case, spaces, dashes and words around it are no matter.

    Which of them there is an order of is for the database to say. Of 32**10 hardly any is there by chance.
    """
    plain = _BETWEEN.sub("", text.upper())
    stretches = (plain[start : start + LENGTH] for start in range(len(plain) - LENGTH + 1))
    return [stretch for stretch in stretches if _ONE.fullmatch(stretch)]
