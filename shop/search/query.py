"""The query of a search: the same for a page of what is found and for its counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select
from sqlalchemy.orm import Session, aliased, join

from db.schema import is_id
from shop.catalogue import search_index
from shop.catalogue.option_index import Options, VariantOptionRow
from shop.catalogue.price_lists import VariantPriceRow
from shop.catalogue.search_index import ProductWordsRow, Wanted
from shop.catalogue.tables import CategoryRow, ProductRow, VariantRow
from shop.kernel.currencies import OURS
from shop.stock.tables import StockRow

INCOMPLETE = "incomplete"
"""In place of a status: active products without an active variant."""


@dataclass(frozen=True)
class Search:
    """What is searched for. Prices in minor units; `category`: a path or an id, with everything below it."""

    q: str | None = None
    category: str | None = None
    min_price: int | None = None
    max_price: int | None = None
    in_stock: bool | None = None
    sort: str = "newest"  # `relevance` breaks ties by the newest
    status: str = "active"
    currency: str = OURS  # of the prices
    options: Options = field(default_factory=dict)  # as of `option_index.asked`

    @property
    def by(self) -> str:
        """Return the sort column, without its direction."""
        return self.sort.removeprefix("-")


class Asked:
    """A search as parts of a statement.

    `words`: the words searched for, with near ones where no product has all of them.
    """

    def __init__(self, session: Session, search: Search) -> None:
        self.search = search
        status = "active" if search.status == INCOMPLETE else search.status
        self.words: Wanted = search_index.wanted(session, search.q, status) if search.q else ()
        self.offers = self._offers().subquery()

    def fitting(self, *columns: Any) -> Select[Any]:
        """Select these columns of active variants that fit and have a price in the currency."""
        query = select(*columns).outerjoin(StockRow, StockRow.sku == VariantRow.sku)
        query = query.where(
            VariantRow.active, *self._bounds(), *self._of_found(VariantRow.product_id), *self._of_options()
        )
        if self.search.currency != OURS:
            listed = (VariantPriceRow.sku == VariantRow.sku) & (VariantPriceRow.currency == self.search.currency)
            query = query.join(VariantPriceRow, listed)
        return query.where(LEFT > 0) if self.search.in_stock else query

    @property
    def found(self) -> Any:
        """Return the tables to select from: with words, their index joined."""
        there = join(ProductRow, self.offers, self.offers.c.product_id == ProductRow.id, isouter=self.any_at_all)
        indexed = self.search.q or self.search.by == "name"
        return there.join(ProductWordsRow, ProductWordsRow.product_id == ProductRow.id) if indexed else there

    @property
    def any_at_all(self) -> bool:
        """Tell whether products without an active variant are searched too, as staff do."""
        return self.search.status != "active" and not self._is_narrowed

    @property
    def wanted(self) -> list[ColumnElement[bool]]:
        """Return the conditions on `found`."""
        unsold = self.any_at_all and self.search.q
        return [*self.of_products, search_index.found(self.words)] if unsold else self.of_products

    @property
    def of_products(self) -> list[ColumnElement[bool]]:
        """Return the conditions on the product itself, apart from its words and variants."""
        search, incomplete = self.search, self.search.status == INCOMPLETE
        wanted: list[ColumnElement[bool]] = [ProductRow.status == ("active" if incomplete else search.status)]
        if incomplete:
            wanted.append(~exists().where(VariantRow.product_id == ProductRow.id, VariantRow.active))
        if search.category:
            wanted.append(ProductRow.category_id.in_(_subtree(search.category)))
        return wanted

    def of_these_alone(self, row: type[VariantOptionRow]) -> list[ColumnElement[bool]]:
        """Return the conditions for options of variants that fit.

        Where only words narrow the search, all active variants do.
        """
        products = select(ProductRow.id).where(*self.of_products)
        if self.search.currency == OURS and not self._is_narrowed:
            return [row.product_id.in_(products.where(*self._of_found(ProductRow.id)))]
        offered = products.where(ProductRow.id.in_(select(self.offers.c.product_id)))
        return [row.product_id.in_(offered), row.sku.in_(self.fitting(VariantRow.sku))]

    @property
    def _is_narrowed(self) -> bool:
        search = self.search
        bounds = (search.min_price, search.max_price, search.in_stock, search.options or None)
        return any(bound is not None for bound in bounds)

    def _offers(self) -> Select[Any]:
        """Select each product's prices and what is left, of those variants only that fit."""
        price = self._price()
        columns = (func.min(price).label("price"), func.max(price).label("highest"), func.max(LEFT).label("left"))
        query = self.fitting(VariantRow.product_id, *columns).group_by(VariantRow.product_id)
        return query.having(func.max(LEFT) <= 0) if self.search.in_stock is False else query

    def _of_found(self, product_id: Any) -> list[ColumnElement[bool]]:
        """Restrict to the words' matches.

        Only here: asked again further out, SQLite would scan all hits for each hit.
        """
        if not self.search.q:
            return []
        found = select(ProductWordsRow.product_id).where(search_index.found(self.words))
        return [product_id.in_(found)]

    def _of_options(self) -> list[ColumnElement[bool]]:
        row = VariantOptionRow
        each = [
            select(row.sku).where(row.name == name, row.value.in_(values))
            for name, values in self.search.options.items()
        ]
        return [VariantRow.sku.in_(skus) for skus in each]

    def _bounds(self) -> list[ColumnElement[bool]]:
        price, low, high = self._price(), self.search.min_price, self.search.max_price
        return ([price >= low] if low is not None else []) + ([price <= high] if high is not None else [])

    def _price(self) -> Any:
        return VariantRow.price if self.search.currency == OURS else VariantPriceRow.amount


LEFT = func.coalesce(StockRow.on_hand - StockRow.reserved, 0)


def _subtree(category: str) -> Select[str]:
    root = aliased(CategoryRow)
    named = root.id == category if is_id(category) else root.path == category
    below = func.substr(CategoryRow.path, 1, func.length(root.path) + 1) == root.path + "/"
    return select(CategoryRow.id).join(root, or_(CategoryRow.id == root.id, below)).where(named)


def paged(query: Select[Any], column: Any, sort: str, after: tuple[Any, ...] | None) -> Select[Any]:
    """Sort the query and begin behind `after`. Keyset: products added meanwhile make no hit skipped or repeated."""
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
