"""Writing the search and option indexes, in the transaction that changes what they are made of."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.functions import in_list
from shop.catalogue import option_index, search_index
from shop.catalogue.tables import CategoryRow, ProductRow, VariantRow

PAGE = 500


def index(session: Session, ids: Sequence[str]) -> None:
    """Reindex these products. The caller has locked them."""
    for begin in range(0, len(ids), PAGE):
        page = ids[begin : begin + PAGE]
        search_index.put(session, entries(session, page))
        option_index.put(session, page)


def entries(session: Session, ids: Sequence[str]) -> list[dict[str, str]]:
    """Build the products' search entries from their own texts, those of active variants, and their categories'."""
    products = session.execute(_PRODUCTS, {"ids": ids}).all()
    names = _category_names(session, {row.path for row in products if row.path})
    skus: dict[str, list[str]] = defaultdict(list)
    more: dict[str, list[str]] = defaultdict(list)
    for id, sku, name, options in session.execute(_VARIANTS, {"ids": ids}):
        skus[id].append(sku)
        more[id] += [name, *(text for pair in options.items() for text in pair)]
    return [
        search_index.entry(row.id, row.name, row.description, skus[row.id], [*more[row.id], *names.get(row.path, ())])
        for row in products
    ]


def _category_names(session: Session, paths: Iterable[str]) -> dict[str, list[str]]:
    """List for each path: itself, and the names of the category and of all above it."""
    above = {path: ["/".join(path.split("/")[: depth + 1]) for depth in range(path.count("/") + 1)] for path in paths}
    wanted: Any = sorted({path for way in above.values() for path in way})
    names = dict(session.execute(_CATEGORIES, {"paths": wanted}).all()) if wanted else {}
    return {path: [path, *(names[one] for one in way if one in names)] for path, way in above.items()}


_PRODUCTS = (
    select(ProductRow.id, ProductRow.name, ProductRow.description, CategoryRow.path)
    .outerjoin(CategoryRow, CategoryRow.id == ProductRow.category_id)
    .where(in_list(ProductRow.id, "ids"))
)
_VARIANTS = (
    select(VariantRow.product_id, VariantRow.sku, VariantRow.name, VariantRow.options)
    .where(VariantRow.active, in_list(VariantRow.product_id, "ids"))
    .order_by(VariantRow.position, VariantRow.sku)
)
_CATEGORIES = select(CategoryRow.path, CategoryRow.name).where(in_list(CategoryRow.path, "paths"))
