"""One table of digits for every amount that is written: mails, invoices, pages, the bank, the tour."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import iso4217
import letters
from demo import saying
from sandbox.bank import pages
from shop.kernel.money import Money

AMOUNT = 1_234_567
PAGE = Path(__file__).parent.parent / "api/pages/shop.js"


def in_a_mail(currency: str, language: str) -> str:
    told = {**letters.SAMPLES["refunded"], "number": "N", "amount": AMOUNT, "currency": currency}
    text = letters.write("refunded", told, language).text
    return next(line for line in text.splitlines() if re.search(r"\d", line) and "http" not in line)


@pytest.mark.parametrize("currency", sorted(iso4217.CODES))
def test_a_currency_has_the_same_digits_wherever_it_is_written(currency: str) -> None:
    digits = iso4217.digits(currency)
    plain = iso4217.decimal(AMOUNT, currency)
    assert plain == {0: "1234567", 2: "12345.67", 3: "1234.567"}[digits]
    assert str(Money(AMOUNT, currency)) == f"{plain} {currency}"
    assert saying.money({"amount": AMOUNT, "currency": currency}) == f"{plain} {currency}"
    grouped = {0: "1,234,567", 2: "12,345.67", 3: "1,234.567"}[digits]
    assert pages.money(AMOUNT, currency) == f"{grouped} {currency}"
    assert grouped in in_a_mail(currency, "en")
    assert {0: "1.234.567", 2: "12.345,67", 3: "1.234,567"}[digits] in in_a_mail(currency, "de")


@pytest.mark.parametrize(("currency", "written"), [("RSD", "2,445.50"), ("JPY", "244,550"), ("KWD", "244.550")])
def test_a_mail_asks_for_what_the_order_costs(currency: str, written: str) -> None:
    told = {**letters.SAMPLES["refunded"], "amount": 244_550, "currency": currency}
    assert written in letters.write("refunded", told, "en").text


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [(0, "EUR", "0.00"), (5, "EUR", "0.05"), (-5, "EUR", "-0.05"), (-1999, "JPY", "-1999"), (7, "TND", "0.007")],
)
def test_small_and_negative_amounts(amount: int, currency: str, shown: str) -> None:
    assert iso4217.decimal(amount, currency) == shown


def test_the_pages_of_ours_have_the_same_table() -> None:
    tables = dict(re.findall(r'const (WHOLE|THOUSANDTHS) = "([A-Z ]+)"', PAGE.read_text()))
    table = dict.fromkeys(tables["WHOLE"].split(), 0) | dict.fromkeys(tables["THOUSANDTHS"].split(), 3)
    assert table == iso4217.DIGITS
