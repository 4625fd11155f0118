"""Invoices and credit notes in words: the same for the page and for the PDF, in their reader's language."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from babel import Locale
from babel.numbers import format_decimal, format_percent

from letters import figures
from letters.catalogues import translations
from letters.writing import spoken

Row = tuple[str, ...]


@dataclass(frozen=True)
class Part:
    """An amount at one tax rate, in hundredths of a per cent; None: unknown. `net` is without the tax."""

    rate: int | None
    net: int
    tax: int


@dataclass(frozen=True)
class Line:
    sku: str
    name: str
    rate: int | None
    quantity: int
    unit_price: int
    total: int


@dataclass(frozen=True)
class Facts:
    """The facts of an invoice or credit note, amounts in minor units of `currency`.

    `sums`: from the subtotal to the total, as (what, rate or None, amount). `invoice`: number and day of the invoice
    that a credit note corrects; None for an invoice. `paid`: what was captured, where that is less than the total.
    `delivered`: the day the last parcel left; None: not yet.
    """

    number: str
    day: date
    language: str
    currency: str
    order: str
    seller: Mapping[str, Any]
    buyer: Sequence[str]
    vat_id: str | None
    rates: Sequence[Part]
    total: int
    lines: Sequence[Line] = ()
    sums: Sequence[tuple[str, int | None, int]] = ()
    shipping_method: str = ""
    paid: int | None = None
    tax_included: bool = True
    delivered: date | None = None
    invoice: tuple[str, date] | None = None


@dataclass(frozen=True)
class Paper:
    """The texts of a paper, formatted. The first of `rows` and of `rates` are their heads."""

    language: str
    title: str
    about: Sequence[str]
    seller: Sequence[str]
    buyer: Sequence[str]
    rows: Sequence[Row]
    sums: Sequence[tuple[str, str]]
    rates: Sequence[Row]
    notes: Sequence[str] = field(default=())
    missing: str = ""  # a hint for the PDF, where its font lacks a character


def write(facts: Facts) -> Paper:
    """Format the facts in their language, or in English where there is no translation."""
    known, locale = spoken(facts.language)
    return _Writer(facts, locale, translations(known).gettext).paper(known)


@dataclass(frozen=True)
class _Writer:
    facts: Facts
    locale: Locale
    _: Callable[[str], str]

    def paper(self, language: str) -> Paper:
        _ = self._
        return Paper(
            language=language,
            title=self._title(),
            about=self._about(),
            seller=self._seller(),
            buyer=[*self.facts.buyer, *self._said(_("VAT id"), self.facts.vat_id)],
            rows=self._rows() if self.facts.lines else [],
            sums=self._sums(),
            rates=self._rates(),
            notes=self._notes(),
            missing=_("□ stands for what this font does not have. The web page shows it."),
        )

    def _title(self) -> str:
        _ = self._
        kind = _("Credit note %(number)s") if self.facts.invoice else _("Invoice %(number)s")
        return kind % {"number": self.facts.number}

    def _about(self) -> list[str]:
        _, facts = self._, self.facts
        found = [_("Order %(number)s") % {"number": facts.order}, *self._said(_("Date"), self._day(facts.day))]
        if facts.invoice:
            told = {"number": facts.invoice[0], "day": self._day(facts.invoice[1])}
            return [*found, _("For invoice %(number)s of %(day)s") % told]
        sent = self._day(facts.delivered) if facts.delivered else _("not sent yet")
        return [*found, *self._said(_("Date of delivery"), sent)]

    def _seller(self) -> list[str]:
        _, seller = self._, self.facts.seller
        numbers = [
            *self._said(_("VAT id"), seller["vat_id"]),
            *self._said(_("Tax number"), seller["tax_number"]),
            *self._said(_("E-mail"), seller["email"]),
        ]
        return [seller["name"], *seller["address"], *numbers]

    def _rows(self) -> list[Row]:
        _ = self._
        heads = (_("SKU"), _("Article"), _("Tax rate"), _("Quantity"), _("Price"), _("Sum"))
        return [heads, *(self._row(line) for line in self.facts.lines)]

    def _row(self, line: Line) -> Row:
        quantity = format_decimal(line.quantity, locale=self.locale)
        price, total = self._money(line.unit_price), self._money(line.total)
        return (line.sku, line.name, self._rate(line.rate), quantity, price, total)

    def _sums(self) -> list[tuple[str, str]]:
        _, facts = self._, self.facts
        names = {
            "subtotal": _("Subtotal"),
            "discount": _("Discount"),
            "shipping": _("Shipping") + f", {facts.shipping_method}",
            "tax": _("Tax"),
        }
        found = [(self._at(names[what], rate), self._money(amount)) for what, rate, amount in facts.sums]
        found.append((_("Given back") if facts.invoice else _("Total"), self._money(facts.total)))
        if facts.paid is not None:
            rest = self._money(facts.total - facts.paid)
            found += [(_("Paid"), self._money(facts.paid)), (_("Open"), rest)]
        return found

    def _rates(self) -> list[Row]:
        """Build the table of what the total is made of, by tax rate."""
        _ = self._
        heads = (_("Tax rate"), _("Net"), _("Tax"), _("Gross"))
        return [heads, *(self._by_rate(part) for part in self.facts.rates)]

    def _by_rate(self, part: Part) -> Row:
        return (self._rate(part.rate), *(self._money(amount) for amount in (part.net, part.tax, part.net + part.tax)))

    def _notes(self) -> list[str]:
        _ = self._
        if self.facts.invoice:
            return []
        return [_("Prices include the tax.") if self.facts.tax_included else _("Prices are without the tax.")]

    def _said(self, label: str, value: str | None) -> list[str]:
        return [f"{label}: {value}"] if value else []

    def _at(self, name: str, rate: int | None) -> str:
        return name if rate is None else f"{name} ({self._rate(rate)})"

    def _rate(self, rate: int | None) -> str:
        if rate is None:
            return "-"
        return str(format_percent(Decimal(rate) / 10_000, locale=self.locale, decimal_quantization=False))

    def _money(self, amount: int) -> str:
        return figures.amount_in(amount, self.facts.currency, self.locale)

    def _day(self, on: date) -> str:
        return figures.day_in(on, self.locale)
