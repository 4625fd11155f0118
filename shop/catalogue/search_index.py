"""The full-text index: FTS5 on SQLite, a tsvector with a GIN index on PostgreSQL; one table, one query for both.

Both are given words from `search_words`, so that they find the same and no text is read as a query language. The
indexes are no part of the models: `INDEXES` creates them with the table, here and in migration 0033.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    DDL,
    BigInteger,
    ColumnElement,
    Dialect,
    ForeignKey,
    Integer,
    String,
    Text,
    bindparam,
    case,
    event,
    false,
    literal,
    select,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Mapped, Session, mapped_column
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine

from db.bulk import inserting
from db.schema import Base, Id
from db.statements import table_of
from shop.catalogue import near_words
from shop.catalogue.search_words import code_words, line, sort_key, sought, spellings
from shop.catalogue.tables import ProductRow
from shop.kernel.markup import text_of

FTS = "product_words_fts"
GIN = "ix_product_words_gin"
_OLD = "INSERT INTO product_words_fts(product_words_fts, rowid, words) VALUES ('delete', old.number, old.words);"
_NEW = "INSERT INTO product_words_fts(rowid, words) VALUES (new.number, new.words);"
_WHEN = {"insert": _NEW, "delete": _OLD, "update": f"{_OLD} {_NEW}"}

INDEXES: Mapping[str, Sequence[str]] = {
    "postgresql": [f"CREATE INDEX {GIN} ON product_words USING gin (words) WITH (fastupdate = off)"],
    "sqlite": [
        f"CREATE VIRTUAL TABLE {FTS} USING fts5(words, content='product_words', content_rowid='number',"
        " prefix='2 3', tokenize=\"unicode61 remove_diacritics 0 categories 'L* N* M* Co'\")",
        *(
            f"CREATE TRIGGER product_words_{when} AFTER {when.upper()} ON product_words BEGIN {change} END"
            for when, change in _WHEN.items()
        ),
    ],
}


Wanted = Sequence[Sequence[str]]
"""The words searched for, each followed by those that are near to it."""


class ProductWordsRow(Base):
    """The words by which a product is found: `words` is all of them, `name` and `skus` are those that weigh more.

    `sort_name` is its sort key, compared byte by byte.
    """

    __tablename__ = "product_words"

    number: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    product_id: Mapped[Id] = mapped_column(ForeignKey("products.id", ondelete="CASCADE"), unique=True)
    name: Mapped[str] = mapped_column(Text)
    skus: Mapped[str] = mapped_column(Text)
    words: Mapped[str] = mapped_column(Text().with_variant(postgresql.TSVECTOR(), "postgresql"))
    sort_name: Mapped[str] = mapped_column(Text().with_variant(Text(collation="C"), "postgresql"), server_default="")


for kind, statements in INDEXES.items():
    for statement in statements:
        event.listen(table_of(ProductWordsRow), "after_create", DDL(statement).execute_if(dialect=kind))


def entry(
    product_id: str, name: str, description: str, skus: Iterable[str], more: Iterable[str] = ()
) -> dict[str, str]:
    """Build an entry of the index. `description` may be HTML; `more`: further texts by which the product is found."""
    named = spellings(name)
    coded = list(dict.fromkeys(word for sku in skus for word in code_words(sku)))
    others = [word for text in (text_of(description), *more) for word in spellings(text)]
    words = line(sorted({*named, *coded, *others}))
    return {
        "product_id": product_id,
        "name": line(named),
        "skus": line(coded),
        "words": words,
        "sort_name": sort_key(name),
    }


def put(session: Session, entries: Sequence[Mapping[str, str]]) -> None:
    """Replace the index entries of these products."""
    _PUT(session, sorted(entries, key=lambda one: one["product_id"]))
    near_words.add(session, {word for one in entries for word in one["words"].split()})


def wanted(session: Session, q: str, status: str) -> Wanted:
    """Split `q` into words. Where no product of this status has all of them, each is followed by words near to it."""
    exact = [(word,) for word in sought(q)]
    of_status = select(ProductWordsRow.number).join(ProductRow).where(ProductRow.status == status, found(exact))
    if not exact or session.scalar(of_status.limit(1)) is not None:
        return exact
    return [(word, *near_words.near(session, word)) for (word,) in exact]


def found(words: Wanted) -> ColumnElement[bool]:
    """Return the condition that each word begins a word of the product, or one near to it is one.

    No words find nothing.
    """
    return mentions(ProductWordsRow.number, ProductWordsRow.words, words) if words else false()


def relevance(words: Wanted) -> ColumnElement[int]:
    """Score how well a product fits, as a whole number from its own words alone, so that it does not change with other
    products.

    For each word the best of: 8 a word of the name, 6 the beginning of one, 4 of a SKU's, 1 elsewhere; for a near word
    1 in the name, 0 elsewhere; and 1 more if the words are the name's first ones, 2 if they are all.
    """
    name, skus = literal(" ") + ProductWordsRow.name + " ", literal(" ") + ProductWordsRow.skus
    each = [_fits(name, skus, *alike) for alike in words]
    whole = line(word for word, *_ in words)
    first = case((ProductWordsRow.name == whole, 2), (ProductWordsRow.name.startswith(whole), 1), else_=0)
    return sum(each, start=first)


def _fits(name: ColumnElement[str], skus: ColumnElement[str], word: str, *near: str) -> ColumnElement[int]:
    exact = [(_in(name, f" {word} "), 8), (_in(name, f" {word}"), 6), (_in(skus, f" {word}"), 4)]
    return case(*exact, *[(_in(name, f" {other} "), 1) for other in near], else_=0 if near else 1)


def _in(text: ColumnElement[str], part: str) -> ColumnElement[bool]:
    return text.contains(part)  # words hold no LIKE wildcards


class mentions(FunctionElement[bool]):
    """SQL condition on the index: rows with words that begin with each wanted word, or that equal one near to it."""

    inherit_cache = True

    def __init__(self, number: Any, words: Any, wanted: Wanted) -> None:
        super().__init__(number, words, bindparam("wanted", list(wanted), type_=_Wanted(), unique=True))


class _Wanted(TypeDecorator[Wanted]):
    """Bind words as the database's own query syntax; they are letters and digits, and quoted all the same."""

    impl = String
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(Text())

    def process_bind_param(self, value: Any, dialect: Dialect) -> str:
        begins, either, both = ("'{}':*", " | ", " & ") if dialect.name == "postgresql" else ('"{}" *', " OR ", " AND ")
        is_ = begins.removesuffix(":*").removesuffix(" *")
        alike = ([begins.format(word), *map(is_.format, near)] for word, *near in value)
        return both.join(f"({either.join(one)})" for one in alike)


@compiles(mentions, "postgresql")
def _on_postgresql(element: Any, compiler: Any, **kw: Any) -> str:
    _, words, wanted = (compiler.process(clause, **kw) for clause in element.clauses)
    return f"{words} @@ CAST({wanted} AS tsquery)"


@compiles(mentions, "sqlite")
def _on_sqlite(element: Any, compiler: Any, **kw: Any) -> str:
    number, _, wanted = (compiler.process(clause, **kw) for clause in element.clauses)
    return f"{number} IN (SELECT rowid FROM {FTS} WHERE {FTS} MATCH {wanted})"  # noqa: S608 - compiled, not pasted


_COLUMNS = ("product_id", "name", "skus", "words", "sort_name")
_PUT = inserting(
    table_of(ProductWordsRow),
    *_COLUMNS,
    then=lambda insert: insert.on_conflict_do_update(
        index_elements=["product_id"],
        set_={name: insert.excluded[name] for name in _COLUMNS[1:]},
    ),
)
