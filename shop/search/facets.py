"""Facets: counts over all that a search has found, to refine it by."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import case, distinct, func, select
from sqlalchemy.orm import Session

from shop.catalogue.option_index import VariantOptionRow
from shop.catalogue.tables import CategoryRow, ProductRow
from shop.kernel.currencies import OURS
from shop.search.query import Asked, Search

MOST_VALUES = 500  # of all options together

Values = Sequence[tuple[str, int]]
"""Values of an option, each with the number of products that have a variant with it."""


@dataclass(frozen=True)
class Facets:
    """Counts over everything found, not only this page. Prices in minor units of `currency`; None: nothing found."""

    categories: Sequence[tuple[str, str, int]]  # path, name, products
    options: Sequence[tuple[str, Values]]
    in_stock: int
    sold_out: int
    lowest: int | None
    highest: int | None
    currency: str = OURS


def facets(session: Session, search: Search) -> Facets:
    """Count what a search finds, by category, option and stock."""
    asked = Asked(session, search)
    offers = asked.offers
    in_stock = func.sum(case((offers.c.left > 0, 1), else_=0))
    rows = session.execute(
        select(CategoryRow.path, CategoryRow.name, func.count(), in_stock, func.min(offers.c.price))
        .add_columns(func.max(offers.c.highest))
        .select_from(asked.found)
        .outerjoin(CategoryRow, CategoryRow.id == ProductRow.category_id)
        .where(*asked.wanted)
        .group_by(CategoryRow.path, CategoryRow.name)
    ).all()
    return Facets(
        categories=sorted((path, name, number) for path, name, number, *_ in rows if path),
        options=_options(session, asked),
        in_stock=sum(row[3] for row in rows),
        sold_out=sum(row[2] - row[3] for row in rows),
        lowest=min((row[4] for row in rows), default=None),
        highest=max((row[5] for row in rows), default=None),
        currency=search.currency,
    )


def _options(session: Session, asked: Asked) -> list[tuple[str, Values]]:
    """Count options by name and value, sorted, those that fold alike once; only of variants that fit the search."""
    row = VariantOptionRow
    counted = session.execute(
        select(row.name, func.min(row.shown_name), func.min(row.shown_value), func.count(distinct(row.product_id)))
        .where(*asked.of_these_alone(row))
        .group_by(row.name, row.value)
        .order_by(row.name, row.value)
        .limit(MOST_VALUES)
    ).all()
    by_name: dict[str, list[tuple[str, str, int]]] = defaultdict(list)
    for name, shown_name, value, products_with_it in counted:
        by_name[name].append((shown_name, value, products_with_it))
    return [(min(one[0] for one in values), [one[1:] for one in values]) for values in by_name.values()]
