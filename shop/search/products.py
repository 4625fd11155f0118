"""Searching products: by words, category, price and stock, sorted, a page at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import func, literal, select
from sqlalchemy.orm import Session

from db.functions import in_list
from db.schema import is_id
from shop.catalogue import price_lists, search_index
from shop.catalogue.price_lists import Prices
from shop.catalogue.search_index import ProductWordsRow
from shop.catalogue.tables import CategoryRow, ProductRow
from shop.kernel.errors import NotFound
from shop.search.query import Asked, Search, paged
from shop.stock.tables import StockRow


class Left(NamedTuple):
    """What is left of a variant. `most`: how many more can be backordered; None: no backorders."""

    available: int
    most: int | None


@dataclass(frozen=True)
class Hit:
    """A product found, with what is left of each of its variants; `price`: that of the cheapest variant that fits.

    `relevance`: the score of the words searched for. `listed`: the prices in other currencies.
    """

    product: ProductRow
    price: int
    left: Mapping[str, Left] = field(default_factory=dict)
    relevance: int = 0
    listed: Mapping[str, Prices] = field(default_factory=dict)
    sort_name: str = ""


def find(session: Session, search: Search, *, limit: int, after: tuple[Any, ...] | None = None) -> list[Hit]:
    """Load one page of a search, beginning behind `after`: the sort key of the last hit (see `key_of`)."""
    asked = Asked(session, search)
    rank = search_index.relevance(asked.words) if search.q else literal(0)
    price = func.coalesce(asked.offers.c.price, 0) if asked.any_at_all else asked.offers.c.price
    name = ProductWordsRow.sort_name if search.by == "name" else literal("")
    query = select(ProductRow, price.label("price"), rank.label("rank"), name.label("sort_name"))
    column = {"name": name, "price": price, "relevance": rank}.get(search.by)
    query = paged(query.select_from(asked.found).where(*asked.wanted), column, search.sort, after)
    rows = session.execute(query.limit(limit)).all()
    skus = [variant.sku for row in rows for variant in row.ProductRow.variants]
    left, listed = _left(session, skus), price_lists.of(session, skus)
    return [Hit(row.ProductRow, row.price, left, row.rank, listed, row.sort_name) for row in rows]


def key_of(search: Search, hit: Hit) -> tuple[Any, ...]:
    """Return the sort key of a hit: what a cursor is made of."""
    first = {"name": (hit.sort_name,), "price": (hit.price,), "relevance": (hit.relevance,)}.get(search.by, ())
    return (*first, hit.product.id)


def one(session: Session, id_or_slug: str) -> Hit:
    """Load a product that is for sale. Raises NotFound."""
    named = ProductRow.id == id_or_slug if is_id(id_or_slug) else ProductRow.slug == id_or_slug
    product = session.scalars(select(ProductRow).where(named, ProductRow.status == "active")).first()
    if product is None:
        raise NotFound("There is no such product.")
    return shown(session, product)


def shown(session: Session, product: ProductRow) -> Hit:
    """Wrap a product, for sale or not, with what is left of each of its variants."""
    skus = [variant.sku for variant in product.variants]
    return Hit(product, 0, _left(session, skus), listed=price_lists.of(session, skus))


def categories(session: Session, *, limit: int, after: str | None = None) -> list[CategoryRow]:
    """List categories by path, so that every category follows its parent, beginning behind `after`."""
    query = select(CategoryRow).order_by(CategoryRow.path).limit(limit)
    return list(session.scalars(query.where(CategoryRow.path > after) if after else query))


def category(session: Session, id: str) -> CategoryRow:
    """Load a category. Raises NotFound."""
    row = session.get(CategoryRow, id)
    if row is None:
        raise NotFound("There is no such category.")
    return row


_LEFT = select(StockRow.sku, StockRow.on_hand - StockRow.reserved, StockRow.backorder_limit).where(
    in_list(StockRow.sku, "skus")
)


def _left(session: Session, skus: Sequence[str]) -> dict[str, Left]:
    rows = session.execute(_LEFT, {"skus": list(skus)}).all() if skus else ()
    return {sku: Left(available, most) for sku, available, most in rows}
