"""Finding products: by words, category, price and stock, sorted, a page at a time, with counts to refine by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Subquery, and_, case, exists, func, literal, or_, select
from sqlalchemy.orm import Session, aliased, join

from shop import price_lists, search_index
from shop.catalogue import CategoryRow, ProductRow, VariantRow
from shop.currencies import OURS
from shop.errors import NotFound
from shop.price_lists import Prices, VariantPriceRow
from shop.search_index import ProductWordsRow
from shop.stock import StockRow
from sql import among

INCOMPLETE = "incomplete"
"""In the place of a status: for sale, and without a variant that could be sold."""


@dataclass(frozen=True)
class Search:
    """What is wanted. Prices in minor units; `category` a path or an id, with everything below it."""

    q: str | None = None
    category: str | None = None
    min_price: int | None = None
    max_price: int | None = None
    in_stock: bool | None = None
    sort: str = "newest"  # by `relevance` the newest of those alike first
    status: str = "active"
    currency: str = OURS  # of the prices


class Left(NamedTuple):
    """`most`: how many can be ordered that are not there; None: none."""

    available: int
    most: int | None


@dataclass(frozen=True)
class Hit:
    """A product with what is left of each of its variants; `price` is its cheapest variant's that was wanted.

    `relevance`: how well the words that were looked for fit it. `listed`: what its variants cost in other currencies.
    """

    product: ProductRow
    price: int
    left: Mapping[str, Left] = field(default_factory=dict)
    relevance: int = 0
    listed: Mapping[str, Prices] = field(default_factory=dict)


@dataclass(frozen=True)
class Facets:
    """Of all that was found, not only of this page."""

    categories: Sequence[tuple[str, str, int]]  # path, name, products
    in_stock: int
    sold_out: int
    lowest: int | None
    highest: int | None
    currency: str = OURS


def find(session: Session, search: Search, *, limit: int, after: tuple[Any, ...] | None = None) -> list[Hit]:
    """A page, from behind `after`: the sort key of the last hit seen (see `key_of`)."""
    offers = _offers(search)
    rank = search_index.relevance(search.q) if search.q else literal(0)
    price = func.coalesce(offers.c.price, 0) if _any_at_all(search) else offers.c.price
    query = select(ProductRow, price.label("price"), rank.label("rank")).select_from(_found(search, offers))
    column = {"name": ProductRow.name, "price": price, "relevance": rank}.get(search.sort.removeprefix("-"))
    query = _paged(query.where(*_wanted(search)), column, search.sort, after)
    rows = session.execute(query.limit(limit)).all()
    skus = [variant.sku for row in rows for variant in row.ProductRow.variants]
    left, listed = _left(session, skus), price_lists.of(session, skus)
    return [Hit(row.ProductRow, row.price, left, row.rank, listed) for row in rows]


def key_of(search: Search, hit: Hit) -> tuple[Any, ...]:
    """The sort key of a hit: what a cursor is made of."""
    kind = search.sort.removeprefix("-")
    first = {"name": (hit.product.name,), "price": (hit.price,), "relevance": (hit.relevance,)}.get(kind, ())
    return (*first, hit.product.id)


def facets(session: Session, search: Search) -> Facets:
    offers = _offers(search)
    in_stock = func.sum(case((offers.c.left > 0, 1), else_=0))
    rows = session.execute(
        select(CategoryRow.path, CategoryRow.name, func.count(), in_stock, func.min(offers.c.price))
        .add_columns(func.max(offers.c.highest))
        .select_from(_found(search, offers))
        .outerjoin(CategoryRow, CategoryRow.id == ProductRow.category_id)
        .where(*_wanted(search))
        .group_by(CategoryRow.path, CategoryRow.name)
        .order_by(CategoryRow.path)
    ).all()
    return Facets(
        categories=[(path, name, number) for path, name, number, *_ in rows if path],
        in_stock=sum(row[3] for row in rows),
        sold_out=sum(row[2] - row[3] for row in rows),
        lowest=min((row[4] for row in rows), default=None),
        highest=max((row[5] for row in rows), default=None),
        currency=search.currency,
    )


def one(session: Session, id_or_slug: str) -> Hit:
    """One product that is for sale."""
    named = ProductRow.id == id_or_slug if _is_id(id_or_slug) else ProductRow.slug == id_or_slug
    product = session.scalars(select(ProductRow).where(named, ProductRow.status == "active")).first()
    if product is None:
        raise NotFound("There is no such product.")
    return shown(session, product)


def shown(session: Session, product: ProductRow) -> Hit:
    """A product, for sale or not, with what is left of each of its variants."""
    skus = [variant.sku for variant in product.variants]
    return Hit(product, 0, _left(session, skus), listed=price_lists.of(session, skus))


def categories(session: Session, *, limit: int, after: str | None = None) -> list[CategoryRow]:
    """By path, so that every category follows the one it is in."""
    query = select(CategoryRow).order_by(CategoryRow.path).limit(limit)
    return list(session.scalars(query.where(CategoryRow.path > after) if after else query))


def category(session: Session, id: str) -> CategoryRow:
    row = session.get(CategoryRow, id)
    if row is None:
        raise NotFound("There is no such category.")
    return row


def _offers(search: Search) -> Subquery:
    """Each product's prices and what is left, of those variants only that fit and have a price in the currency."""
    price = _price(search)
    left = func.coalesce(StockRow.on_hand - StockRow.reserved, 0)
    query = (
        select(VariantRow.product_id, func.min(price).label("price"))
        .add_columns(func.max(price).label("highest"), func.max(left).label("left"))
        .outerjoin(StockRow, StockRow.sku == VariantRow.sku)
        .where(VariantRow.active, *_bounds(search), *_of_found(search))
        .group_by(VariantRow.product_id)
    )
    if search.currency != OURS:
        listed = (VariantPriceRow.sku == VariantRow.sku) & (VariantPriceRow.currency == search.currency)
        query = query.join(VariantPriceRow, listed)
    if search.in_stock is not None:
        query = query.where(left > 0) if search.in_stock else query.having(func.max(left) <= 0)
    return query.subquery()


def _of_found(search: Search) -> list[ColumnElement[bool]]:
    """The one place where words choose. Asked again further out, SQLite would go through all hits for each hit."""
    if not search.q:
        return []
    return [VariantRow.product_id.in_(select(ProductWordsRow.product_id).where(search_index.found(search.q)))]


def _bounds(search: Search) -> list[ColumnElement[bool]]:
    price, low, high = _price(search), search.min_price, search.max_price
    return ([price >= low] if low is not None else []) + ([price <= high] if high is not None else [])


def _price(search: Search) -> Any:
    return VariantRow.price if search.currency == OURS else VariantPriceRow.amount


def _found(search: Search, offers: Subquery) -> Any:
    """Where to look: with words, from their index."""
    products = join(ProductRow, offers, offers.c.product_id == ProductRow.id, isouter=_any_at_all(search))
    return products.join(ProductWordsRow, ProductWordsRow.product_id == ProductRow.id) if search.q else products


def _any_at_all(search: Search) -> bool:
    """Staff also look for what has no variant to sell."""
    narrowed = (search.min_price, search.max_price, search.in_stock)
    return search.status != "active" and all(bound is None for bound in narrowed)


def _wanted(search: Search) -> list[ColumnElement[bool]]:
    incomplete = search.status == INCOMPLETE
    wanted: list[ColumnElement[bool]] = [ProductRow.status == ("active" if incomplete else search.status)]
    if incomplete:
        wanted.append(~exists().where(VariantRow.product_id == ProductRow.id, VariantRow.active))
    if _any_at_all(search) and search.q:
        wanted.append(search_index.found(search.q))
    if search.category:
        wanted.append(ProductRow.category_id.in_(_subtree(search.category)))
    return wanted


def _subtree(category: str) -> Select[str]:
    root = aliased(CategoryRow)
    named = root.id == category if _is_id(category) else root.path == category
    below = func.substr(CategoryRow.path, 1, func.length(root.path) + 1) == root.path + "/"
    return select(CategoryRow.id).join(root, or_(CategoryRow.id == root.id, below)).where(named)


def _paged(query: Select[Any], column: Any, sort: str, after: tuple[Any, ...] | None) -> Select[Any]:
    """Keyset: nothing is skipped or told twice when products are added meanwhile."""
    down = sort.startswith("-") or sort in ("newest", "relevance")
    columns = [ProductRow.id] if column is None else [column, ProductRow.id]
    if after:
        query = query.where(_behind(columns, after, down))
    return query.order_by(*(c.desc() if down else c.asc() for c in columns))


def _behind(columns: Sequence[Any], after: tuple[Any, ...], down: bool) -> ColumnElement[bool]:
    first, value = columns[0], after[0]
    further: ColumnElement[bool] = first < value if down else first > value
    if len(columns) == 1:
        return further
    return or_(further, and_(first == value, _behind(columns[1:], after[1:], down)))


_LEFT = select(StockRow.sku, StockRow.on_hand - StockRow.reserved, StockRow.backorder_limit).where(
    among(StockRow.sku, "skus")
)


def _left(session: Session, skus: Sequence[str]) -> dict[str, Left]:
    rows = session.execute(_LEFT, {"skus": list(skus)}).all() if skus else ()
    return {sku: Left(available, most) for sku, available, most in rows}


def _is_id(text: str) -> bool:
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False
