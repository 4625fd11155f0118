"""Recognise card numbers, to refuse them: the shop takes the provider's token, made in the customer's browser."""

from __future__ import annotations


def is_one(text: str) -> bool:
    """Return whether the text is a card number: 12 to 19 digits (spaces, dots and dashes aside) that pass Luhn."""
    digits = text.translate({ord(mark): None for mark in " .-"})
    return digits.isdecimal() and 12 <= len(digits) <= 19 and _luhn(digits) % 10 == 0


def _luhn(digits: str) -> int:
    """Return the sum of ISO/IEC 7812-1, annex B: from the right, every second digit counts twice, less 9 above 9."""
    values = [int(digit) for digit in reversed(digits)]
    return sum(values[::2]) + sum(2 * value - 9 * (value > 4) for value in values[1::2])
