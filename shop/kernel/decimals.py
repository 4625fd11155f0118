"""Reading prices as people and spreadsheets write them."""

from __future__ import annotations

import re

import iso4217

_SPACES = re.compile(r"[\s\u00a0\u202f'\u2019]")


def minor_units(text: str, currency: str) -> int:
    """Read a price in `currency` as minor units: `1.234,50`, `1,234.50` and `1234.5` are 123450 cents.

    Raises ValueError for what is no price, can be read in two ways, or has more decimals than the currency.
    """
    plain = _SPACES.sub("", text)
    digits = iso4217.digits(currency)
    if not re.fullmatch(r"[0-9]+([.,][0-9]+)*", plain):
        raise ValueError("Must be a price, like 19.99.")
    whole, part = _divided(plain, digits)
    part = part.rstrip("0") if len(part) > digits else part
    if len(part) > digits:
        raise ValueError(f"{currency} has {digits} decimals.")
    if len(whole) > 12:
        raise ValueError("Is too large a price.")
    return int(whole + part.ljust(digits, "0"))


def _divided(plain: str, digits: int) -> tuple[str, str]:
    """Split at the decimal sign: the digits before it and the digits behind it, signs for thousands removed."""
    signs = re.sub("[0-9]", "", plain)
    if not signs:
        return plain, ""
    last = signs[-1]
    if len(set(signs)) == 1 and len(signs) > 1:
        return _ungrouped(plain, last), ""
    whole, _, part = plain.rpartition(last)
    other = signs[0] if signs[0] != last else ""
    if not other and len(part) == 3 and digits != 3 and 1 <= len(whole) <= 3 and whole != "0":
        raise ValueError(f"May be {whole}{part} or {whole}.{part}: write it without a sign for thousands.")
    if signs.count(last) > 1:
        raise ValueError("Must be a price, like 19.99.")
    return _ungrouped(whole, other) if other else whole, part


def _ungrouped(text: str, sign: str) -> str:
    first, *groups = text.split(sign)
    if not 1 <= len(first) <= 3 or any(len(group) != 3 for group in groups):
        raise ValueError("Must be a price, like 19.99.")
    return first + "".join(groups)
