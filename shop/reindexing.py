"""Products that are not found by what is written of them, and the index of words made anew for these."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import String, cast, select, text
from sqlalchemy.orm import Session

from shop import catalogue, freshness
from shop.catalogue import ProductRow
from shop.search_index import FTS, ProductWordsRow
from sql import dialect

PAGE = 500
_LINES = text(f"SELECT (SELECT count(*) FROM {FTS}_docsize) - (SELECT count(*) FROM product_words)")  # noqa: S608
_REBUILD = text(f"INSERT INTO {FTS}({FTS}) VALUES ('rebuild')")  # noqa: S608


def stale(session: Session) -> list[str]:
    """Their ids, in order."""
    return [id for page in _pages(session) for id in _stale_of(session, page)]


def is_whole(session: Session) -> bool:
    """SQLite's index is a table beside ours, which triggers keep; PostgreSQL's is a part of ours."""
    return dialect(session) != "sqlite" or session.scalar(_LINES) == 0


def make_anew(session: Session) -> list[str]:
    """Returns the ids of those that were stale."""
    products = stale(session)
    for begin in range(0, len(products), PAGE):
        catalogue.index_words(session, products[begin : begin + PAGE])
    if not is_whole(session):
        session.execute(_REBUILD)
    if products:
        freshness.changed(session, products)
    return products


def _pages(session: Session) -> Iterator[Sequence[str]]:
    ids = select(ProductRow.id).order_by(ProductRow.id).limit(PAGE)
    page = session.scalars(ids).all()
    while page:
        yield page
        page = session.scalars(ids.where(ProductRow.id > page[-1])).all()


def _stale_of(session: Session, ids: Sequence[str]) -> list[str]:
    row = ProductWordsRow
    query = select(row.product_id, row.name, row.skus, cast(row.words, String)).where(row.product_id.in_(ids))
    known = {id: (name, skus, _words(words)) for id, name, skus, words in session.execute(query)}
    written = {one["product_id"]: one for one in catalogue.entries(session, ids)}
    return [id for id, one in written.items() if known.get(id) != (one["name"], one["skus"], _words(one["words"]))]


def _words(line: str) -> set[str]:
    """PostgreSQL quotes them."""
    return set(line.replace("'", "").split())
