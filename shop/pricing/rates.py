"""Shipping rates, and tax rates by country and class of goods; both in tables."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    CompoundSelect,
    ForeignKey,
    String,
    cast,
    func,
    literal,
    null,
    select,
    union_all,
)
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from db.functions import in_list
from db.schema import Base
from db.statements import execute_core, upsert
from shop.kernel.currencies import OURS
from shop.kernel.errors import Invalid

STANDARD = "standard"
SEEDED = ({"code": "standard", "name": "Standard", "rate": 490}, {"code": "express", "name": "Express", "rate": 1290})


class ShippingMethodRow(Base):
    """One shipping method. `rate` in minor units; it is free when the goods come to `free_above` or more.

    Both are in the shop's currency; in others the method is offered where `rates` has one.
    """

    __tablename__ = "shipping_methods"
    __table_args__ = (CheckConstraint("rate >= 0", name="rate_not_negative"),)

    code: Mapped[str] = mapped_column(String(40), primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    rate: Mapped[int] = mapped_column(BigInteger)
    free_above: Mapped[int | None] = mapped_column(BigInteger)
    tax_class: Mapped[str] = mapped_column(String(20), default=STANDARD)
    active: Mapped[bool] = mapped_column(default=True)

    rates: Mapped[list[ShippingRateRow]] = relationship(
        order_by="ShippingRateRow.currency", lazy="selectin", cascade="all, delete-orphan", passive_deletes=True
    )


class ShippingRateRow(Base):
    """The cost of a shipping method in another currency than the shop's."""

    __tablename__ = "shipping_rates"
    __table_args__ = (CheckConstraint("rate >= 0", name="rate_not_negative"),)

    code: Mapped[str] = mapped_column(
        String(40), ForeignKey("shipping_methods.code", ondelete="CASCADE"), primary_key=True
    )
    currency: Mapped[str] = mapped_column(String(3), primary_key=True)
    rate: Mapped[int] = mapped_column(BigInteger)
    free_above: Mapped[int | None] = mapped_column(BigInteger)


class TaxRateRow(Base):
    """The tax rate of a country and class, in hundredths of a per cent: 1900 is 19 %. Without a row there is no tax.

    `shipping`, for shipping methods of this class: LIKE_GOODS, taxed at the rates of the goods in their proportion;
    OWN_RATE, at this rate; None, by the law of the country.
    """

    __tablename__ = "tax_rates"
    __table_args__ = (CheckConstraint("rate BETWEEN 0 AND 10000", name="rate_in_bounds"),)

    country: Mapped[str] = mapped_column(String(2), primary_key=True)
    tax_class: Mapped[str] = mapped_column(String(20), primary_key=True)
    rate: Mapped[int]
    shipping: Mapped[str | None] = mapped_column(String(20))


LIKE_GOODS, OWN_RATE = "like_goods", "own_rate"
_EUROPEAN_UNION = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK"
SHIPPED_LIKE_GOODS = frozenset(f"{_EUROPEAN_UNION} CH GB LI NO".split())
"""Countries where shipping is taxed as a part of the goods' supply (Directive 2006/112/EC, article 78 b)."""


@dataclass(frozen=True)
class ShippingMethod:
    code: str
    rate: int
    free_above: int | None = None
    tax_class: str = STANDARD

    def cost(self, goods: int) -> int:
        """Return the cost of shipping for goods of this value, after discounts, in minor units."""
        return 0 if self.free_above is not None and goods >= self.free_above else self.rate


@dataclass(frozen=True)
class Tariffs:
    """Shipping methods and taxes, in one currency."""

    methods: Mapping[str, ShippingMethod] = field(default_factory=dict)
    taxes: Mapping[tuple[str, str], int] = field(default_factory=dict)
    shipping: Mapping[tuple[str, str], str] = field(default_factory=dict)  # `TaxRateRow.shipping`, by country and class

    def method(self, code: str) -> ShippingMethod:
        """Return a shipping method. Raises Invalid for one that is not offered in this currency."""
        if code not in self.methods:
            known = f"One of {', '.join(self.methods)}." if self.methods else "None is offered in this currency."
            raise Invalid({"shipping_method": [known]})
        return self.methods[code]

    def is_shipped_like_goods(self, country: str, tax_class: str) -> bool:
        said = self.shipping.get((country, tax_class))
        return said == LIKE_GOODS if said else country in SHIPPED_LIKE_GOODS

    def tax(self, country: str, tax_class: str) -> int:
        """Return the tax rate in hundredths of a per cent; 0 where none is set."""
        return self.taxes.get((country, tax_class), 0)


def _both() -> Any:
    """Select shipping methods and taxes in one statement, because every order asks for both."""
    ship, other, tax = ShippingMethodRow, ShippingRateRow, TaxRateRow
    nowhere, none = literal("").label("country"), cast(null(), BigInteger)
    ours = literal(OURS).label("currency")
    methods = select(nowhere, ship.code, ship.rate, ship.free_above, ship.tax_class, ours)
    elsewhere = select(nowhere, ship.code, other.rate, other.free_above, ship.tax_class, other.currency).join(other)
    said = func.coalesce(tax.shipping, "")
    taxes = select(tax.country, said, cast(tax.rate, BigInteger), none, tax.tax_class, literal(""))
    both: CompoundSelect[Any] = union_all(
        methods.where(ship.active), elsewhere.where(ship.active), taxes.where(in_list(tax.country, "countries"))
    )
    return both.order_by("rate", "code")


_BOTH = _both()


def read(session: Session, countries: Sequence[str], currencies: Sequence[str]) -> dict[str, Tariffs]:
    """Load the tariffs, by currency: active shipping methods, the cheapest first, and the taxes of these countries."""
    rows = execute_core(session, _BOTH, {"countries": sorted(set(countries))}).all()
    methods: dict[str, dict[str, ShippingMethod]] = defaultdict(dict)
    for row in rows:
        if not row.country:
            offered = ShippingMethod(row.code, row.rate, row.free_above, row.tax_class)
            methods[row.currency][row.code] = offered
    taxes = {(row.country, row.tax_class): row.rate for row in rows if row.country}
    shipping = {(row.country, row.tax_class): row.code for row in rows if row.country and row.code}
    return {currency: Tariffs(methods[currency], taxes, shipping) for currency in currencies}


def seed(session: Session) -> None:
    """Insert the shipping methods that a shop begins with; existing ones stay as they are."""
    for method in SEEDED:
        values = upsert(session, ShippingMethodRow).values(**method, tax_class=STANDARD, active=True)
        session.execute(values.on_conflict_do_nothing(index_elements=["code"]))
