"""Prices as people and spreadsheets write them."""

from __future__ import annotations

import pytest

from shop.kernel.decimals import minor_units


@pytest.mark.parametrize(
    ("text", "currency", "units"),
    [
        ("19.99", "EUR", 1999),
        ("19,99", "EUR", 1999),
        ("19.9", "EUR", 1990),
        ("19", "EUR", 1900),
        ("0", "EUR", 0),
        (".5", "EUR", None),
        ("1.234,50", "EUR", 123450),
        ("1,234.50", "EUR", 123450),
        ("1 234,50", "EUR", 123450),
        ("1\u202f234,50", "EUR", 123450),
        ("1'234.50", "EUR", 123450),
        ("1,234,567", "EUR", 123456700),
        ("1.234.567,8", "EUR", 123456780),
        ("1000.000", "EUR", 100000),
        ("19.9900", "EUR", 1999),
        ("0.125", "EUR", None),
        ("1,234", "EUR", None),  # a thousand or one?
        ("1.234", "EUR", None),
        ("1.234", "KWD", 1234),
        ("1,234", "JPY", None),
        ("1500", "JPY", 1500),
        ("1500.00", "JPY", 1500),
        ("1500.50", "JPY", None),
        ("12,34.50", "EUR", None),
        ("1.2.3", "EUR", None),
        ("1.234,5,6", "EUR", None),
        ("-1", "EUR", None),
        ("1e3", "EUR", None),
        ("", "EUR", None),
        ("€5", "EUR", None),
        ("9" * 13, "EUR", None),
        ("\u0661", "EUR", None),
    ],
)
def test_a_price_is_read_in_one_way_or_not_at_all(text: str, currency: str, units: int | None) -> None:
    if units is None:
        with pytest.raises(ValueError, match=r"price|decimals|May be"):
            minor_units(text, currency)
    else:
        assert minor_units(text, currency) == units
