"""Finding products whose search index is stale, and rebuilding it for these."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import String, cast, select, text
from sqlalchemy.orm import Session

from db.statements import dialect
from shop.catalogue import cache_invalidation, index_writing, near_words, option_index
from shop.catalogue.search_index import FTS, ProductWordsRow
from shop.catalogue.tables import ProductRow

_LINES = text(f"SELECT (SELECT count(*) FROM {FTS}_docsize) - (SELECT count(*) FROM product_words)")  # noqa: S608
_REBUILD = text(f"INSERT INTO {FTS}({FTS}) VALUES ('rebuild')")  # noqa: S608


def stale(session: Session) -> list[str]:
    """List the ids of products whose index entries are stale, in order."""
    return [id for page in _pages(session) for id in _stale_of(session, page)]


def is_whole(session: Session) -> bool:
    """Tell whether SQLite's full-text index has a line for every row of ours: there it is a table of its own, kept by
    triggers.

    PostgreSQL's is a part of ours and always whole.
    """
    return dialect(session) != "sqlite" or session.scalar(_LINES) == 0


def make_anew(session: Session) -> list[str]:
    """Reindex what is stale. Returns the ids of the products that were."""
    products = stale(session)
    index_writing.index(session, products)
    if not is_whole(session):
        session.execute(_REBUILD)
    if products:
        cache_invalidation.changed(session, products)
    return products


def _pages(session: Session) -> Iterator[Sequence[str]]:
    ids = select(ProductRow.id).order_by(ProductRow.id).limit(index_writing.PAGE)
    page = session.scalars(ids).all()
    while page:
        yield page
        page = session.scalars(ids.where(ProductRow.id > page[-1])).all()


def _stale_of(session: Session, ids: Sequence[str]) -> list[str]:
    written = {one["product_id"]: _comparable(one) for one in index_writing.entries(session, ids)}
    unknown = set(near_words.missing(session, {word for *_, words in written.values() for word in words}))
    row = ProductWordsRow
    query = select(row.product_id, row.name, row.skus, row.sort_name, cast(row.words, String).label("words"))
    there = session.execute(query.where(row.product_id.in_(ids))).mappings()
    known = {one["product_id"]: _comparable(one) for one in there}
    others = set(option_index.stale(session, ids))
    return [id for id, one in written.items() if known.get(id) != one or unknown & one[-1] or id in others]


def _comparable(one: Mapping[Any, Any]) -> tuple[str, str, str, set[str]]:
    """Bring an index entry into comparable form: PostgreSQL quotes the words."""
    return one["name"], one["skus"], one["sort_name"], set(one["words"].replace("'", "").split())
