"""Administration of shipping methods and tax rates by staff."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from db.statements import for_update, upsert
from shop.kernel.errors import NotFound
from shop.pricing.rates import ShippingMethodRow, ShippingRateRow, TaxRateRow
from shop.pricing.refusals import ShippingMethodTaken


def methods(session: Session, *, limit: int, after: str | None) -> list[ShippingMethodRow]:
    """List shipping methods by code, beginning behind `after`, inactive ones included."""
    row = ShippingMethodRow
    query = select(row).order_by(row.code).limit(limit)
    return list(session.scalars(query.where(row.code > after) if after else query))


def method(session: Session, code: str, *, lock: bool = False) -> ShippingMethodRow:
    """Load a shipping method; `lock` its row until the transaction ends. Raises NotFound."""
    query = select(ShippingMethodRow).where(ShippingMethodRow.code == code)
    row = session.scalars(for_update(query) if lock else query).first()
    if row is None:
        raise NotFound("There is no such shipping method.")
    return row


def add(session: Session, values: Mapping[str, Any]) -> ShippingMethodRow:
    """Create a shipping method.

    Raises ShippingMethodTaken, also when another transaction creates it at the same moment.
    """
    own = {name: value for name, value in values.items() if name != "rates"}
    adding = upsert(session, ShippingMethodRow).values(active=True).values(**own).on_conflict_do_nothing()
    if session.scalars(adding.returning(ShippingMethodRow.code)).first() is None:
        raise ShippingMethodTaken(f"There is a shipping method {values['code']} already.")
    return change(session, values["code"], {"rates": values.get("rates", [])})


def change(session: Session, code: str, values: Mapping[str, Any]) -> ShippingMethodRow:
    """Change a shipping method.

    `rates`, `{currency, rate, free_above}` each, replace the former ones. Raises NotFound.
    """
    row = method(session, code, lock=True)
    for name, value in values.items():
        setattr(row, name, [ShippingRateRow(code=code, **rate) for rate in value] if name == "rates" else value)
    session.flush()
    return row


def remove(session: Session, code: str) -> None:
    """Delete a shipping method. Carts that chose it report a problem; orders keep what it cost. Raises NotFound."""
    session.delete(method(session, code, lock=True))
    session.flush()


# --- tax ------------------------------------------------------------------------------------------

Key = tuple[str, str]  # country, class


def taxes(session: Session, *, limit: int, after: Key | None) -> Sequence[TaxRateRow]:
    """List tax rates by country and class, beginning behind `after`."""
    row = TaxRateRow
    query = select(row).order_by(row.country, row.tax_class).limit(limit)
    behind = query.where(tuple_(row.country, row.tax_class) > after) if after else query
    return session.scalars(behind).all()


def set_tax(session: Session, key: Key, rate: int, shipping: str | None) -> TaxRateRow:
    """Set the one tax rate of a country and class, whether there is one or not."""
    country, tax_class = key
    values = {"rate": rate, "shipping": shipping}
    setting = upsert(session, TaxRateRow).values(country=country, tax_class=tax_class, **values)
    session.execute(setting.on_conflict_do_update(index_elements=["country", "tax_class"], set_=values))
    return _tax(session, key)


def drop_tax(session: Session, key: Key) -> None:
    """Delete a tax rate. Raises NotFound."""
    session.delete(_tax(session, key))
    session.flush()


def _tax(session: Session, key: Key) -> TaxRateRow:
    row = session.get(TaxRateRow, key, populate_existing=True)
    if row is None:
        raise NotFound("There is no such tax rate.")
    return row
