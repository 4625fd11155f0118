"""Prices in other currencies than the shop's: one for each variant and currency, set by staff and never converted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, ForeignKey, String, and_, case, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.bulk import inserting
from db.functions import in_list
from db.schema import Base
from db.statements import table_of
from shop.catalogue.tables import ProductRow, VariantRow
from shop.kernel.errors import Invalid
from shop.kernel.skus import SKU_LENGTH

Prices = Mapping[str, int]
"""Minor units by currency."""


class VariantPriceRow(Base):
    """One price, in minor units, never in the shop's currency: that price stands in the variant itself."""

    __tablename__ = "variant_prices"

    sku: Mapped[str] = mapped_column(String(SKU_LENGTH), ForeignKey("variants.sku"), primary_key=True)
    currency: Mapped[str] = mapped_column(String(3), primary_key=True)
    amount: Mapped[int] = mapped_column(BigInteger)


def priced_in(currency: Any) -> tuple[ColumnElement[int], ColumnElement[bool]]:
    """Return a variant's price in this currency as a column, null where none is set.

    Second, the join condition for `variant_prices` that the column needs.
    """
    row = VariantPriceRow
    amount = case((VariantRow.currency == currency, VariantRow.price), else_=row.amount)
    return amount, and_(row.sku == VariantRow.sku, row.currency == currency)


def sellable(session: Session, skus: Iterable[str], currency: str) -> dict[str, int | None]:
    """Filter the SKUs that are for sale now, with their prices in minor units; None: no price in this currency."""
    amount, listed = priced_in(currency)
    query = select(VariantRow.sku, amount).join(ProductRow).outerjoin(VariantPriceRow, listed)
    sold = query.where(VariantRow.sku.in_(list(skus)), VariantRow.active, ProductRow.status == "active")
    return dict(session.execute(sold).all())


def of(session: Session, skus: Sequence[str]) -> dict[str, dict[str, int]]:
    """Load the price lists of these SKUs: minor units by currency."""
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for sku, currency, amount in session.execute(_LISTED, {"skus": list(skus)}) if skus else ():
        found[sku][currency] = amount
    return found


def currencies(session: Session) -> list[str]:
    """List the currencies in which any variant has a price, without the shop's own."""
    return list(session.scalars(select(VariantPriceRow.currency).distinct().order_by(VariantPriceRow.currency)))


def replace(session: Session, sku: str, prices: Sequence[Mapping[str, Any]]) -> None:
    """Replace the price list of a SKU, `{amount, currency}` each. Raises Invalid. The caller has locked the product."""
    wanted = {price["currency"]: price["amount"] for price in prices}
    if len(wanted) < len(prices):
        raise Invalid({"prices": ["Name each currency once."]})
    gone = delete(VariantPriceRow).where(VariantPriceRow.sku == sku, VariantPriceRow.currency.not_in(list(wanted)))
    session.execute(gone)
    put(session, {sku: wanted})


def put(session: Session, prices: Mapping[str, Prices]) -> None:
    """Set prices by SKU; those in currencies that are not named stay as they are.

    The caller has locked the products.
    """
    rows = [
        {"sku": sku, "currency": currency, "amount": amount}
        for sku, listed in sorted(prices.items())
        for currency, amount in sorted(listed.items())
    ]
    if rows:
        _PUT(session, rows)


_LISTED = (
    select(VariantPriceRow.sku, VariantPriceRow.currency, VariantPriceRow.amount)
    .where(in_list(VariantPriceRow.sku, "skus"))
    .order_by(VariantPriceRow.sku, VariantPriceRow.currency)
)
_PUT = inserting(
    table_of(VariantPriceRow),
    *("sku", "currency", "amount"),
    then=lambda insert: insert.on_conflict_do_update(
        index_elements=["sku", "currency"], set_={"amount": insert.excluded.amount}
    ),
)
