"""A card's number has no business here: its provider turns it into a token, in the shopper's own browser."""

from __future__ import annotations


def is_one(text: str) -> bool:
    """Whether this looks like a card's number, however it is grouped: 12 to 19 digits whose check digit fits (Luhn)."""
    digits = text.translate({ord(mark): None for mark in " .-"})
    return digits.isdecimal() and 12 <= len(digits) <= 19 and _luhn(digits) % 10 == 0


def _luhn(digits: str) -> int:
    """The sum of ISO/IEC 7812-1, annex B: from the right, every second digit counts twice, less 9 above 9."""
    values = [int(digit) for digit in reversed(digits)]
    return sum(values[::2]) + sum(2 * value - 9 * (value > 4) for value in values[1::2])
