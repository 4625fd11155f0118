"""Money is an integer number of minor units with its currency, never a float."""

from __future__ import annotations

from dataclasses import dataclass

import iso4217

MOST = 10**12  # minor units; a total above this is a mistake, and fits every column


class CurrencyMismatch(ValueError):
    """Amounts of two currencies cannot be added or subtracted."""


class TooMuch(ValueError):
    """The amount is beyond MOST minor units."""


@dataclass(frozen=True, slots=True)
class Money:
    """`Money(1999, "EUR")` is 19.99 euros."""

    amount: int
    currency: str

    def __post_init__(self) -> None:
        if abs(self.amount) > MOST:
            raise TooMuch(f"{self.amount} {self.currency}")

    def __add__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.amount + other.amount, self.currency)

    def __sub__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.amount - other.amount, self.currency)

    def __mul__(self, times: int) -> Money:
        return Money(self.amount * times, self.currency)

    def __str__(self) -> str:
        return iso4217.shown(self.amount, self.currency)

    def _same(self, other: Money) -> None:
        if self.currency != other.currency:
            raise CurrencyMismatch(f"{self.currency} and {other.currency}")
