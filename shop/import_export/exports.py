"""Export of the catalogue as CSV that an import reads, page by page, so that no reader holds a transaction for long."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from shop.catalogue import price_lists
from shop.catalogue.price_lists import Prices
from shop.catalogue.tables import CategoryRow, ProductRow, VariantRow
from shop.import_export.formula_escaping import defused
from shop.import_export.import_rows import PRICE_IN, READERS
from shop.stock import backorders
from shop.stock.tables import StockRow

PAGE = 500  # variants
Place = tuple[str, int, str]
"""A variant's place in the file: slug, position, SKU."""


def header(currencies: Sequence[str]) -> str:
    return _csv([[*READERS, *(PRICE_IN + currency for currency in currencies)]])


def page(session: Session, currencies: Sequence[str], after: Place | None) -> tuple[str, Place | None]:
    """Write one page of lines behind `after`. Returns the CSV text and the place of its last line, None when it is
    empty.

    `currencies`: those to write prices in, besides the shop's.
    """
    columns = (ProductRow.slug, VariantRow.position, VariantRow.sku)
    query = (
        select(ProductRow, VariantRow, CategoryRow.path, StockRow.on_hand, StockRow.backorder_limit)
        .join(VariantRow, VariantRow.product_id == ProductRow.id)
        .outerjoin(CategoryRow, CategoryRow.id == ProductRow.category_id)
        .outerjoin(StockRow, StockRow.sku == VariantRow.sku)
        .where(ProductRow.status == "active", VariantRow.active)
        .order_by(*columns)
        .limit(PAGE)
    )
    if after:  # the slug by itself too, so that its index is used
        query = query.where(ProductRow.slug >= after[0], tuple_(*columns) > after)
    rows = session.execute(query).unique().all()
    listed = price_lists.of(session, [row.VariantRow.sku for row in rows]) if currencies else {}
    lines = [[*_cells(*row), *_prices(listed.get(row.VariantRow.sku, {}), currencies)] for row in rows]
    last = rows[-1] if rows else None
    return _csv(lines), (last.ProductRow.slug, last.VariantRow.position, last.VariantRow.sku) if last else None


def _cells(
    product: ProductRow, variant: VariantRow, category: str | None, on_hand: int | None, most: int | None
) -> list[str]:
    options = json.dumps(variant.options, ensure_ascii=False, separators=(",", ":"))
    told = {
        "slug": product.slug,
        "name": product.name,
        "description": product.description,
        "category": category or "",
        "image_url": " ".join(product.images),
        "sku": variant.sku,
        "variant_name": variant.name,
        "options": options,
        "price_cents": str(variant.price),
        "currency": variant.currency,
        "on_hand": str(on_hand or 0),
        "backorder": "false" if most is None else "true",
        "backorder_limit": "" if most in (None, backorders.UNLIMITED) else str(most),
        "tax_class": product.tax_class,
        "status": product.status,
        "active": str(variant.active).lower(),
    }
    return [defused(told[column]) for column in READERS]


def _prices(listed: Prices, currencies: Sequence[str]) -> list[str]:
    return [str(listed[currency]) if currency in listed else "" for currency in currencies]


def _csv(lines: Sequence[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(lines)
    return text.getvalue()
