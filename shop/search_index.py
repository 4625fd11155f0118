"""The index of words: FTS5 on SQLite, a tsvector with a GIN index on PostgreSQL; one table, one question.

Both are given words that `shop.words` has made, so that they find the same and no text is read as a query language.
The indexes are no part of the models: `INDEXES` makes them with the table, here and in migration 0012.
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
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Mapped, Session, mapped_column
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine

from rows import inserting
from shop.words import both_spellings, line, sought
from sql import Base, Id, bare

FTS = "product_words_fts"
GIN = "ix_product_words_gin"
_OLD = "INSERT INTO product_words_fts(product_words_fts, rowid, words) VALUES ('delete', old.number, old.words);"
_NEW = "INSERT INTO product_words_fts(rowid, words) VALUES (new.number, new.words);"
_WHEN = {"insert": _NEW, "delete": _OLD, "update": f"{_OLD} {_NEW}"}

INDEXES: Mapping[str, Sequence[str]] = {
    "postgresql": [f"CREATE INDEX {GIN} ON product_words USING gin (words) WITH (fastupdate = off)"],
    "sqlite": [
        f"CREATE VIRTUAL TABLE {FTS} USING fts5(words, content='product_words', content_rowid='number',"
        " prefix='2 3', tokenize='unicode61 remove_diacritics 0')",
        *(
            f"CREATE TRIGGER product_words_{when} AFTER {when.upper()} ON product_words BEGIN {change} END"
            for when, change in _WHEN.items()
        ),
    ],
}


class ProductWordsRow(Base):
    """What a product is found by: `words` is all of it, `name` and `skus` are what counts for more."""

    __tablename__ = "product_words"

    number: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    product_id: Mapped[Id] = mapped_column(ForeignKey("products.id", ondelete="CASCADE"), unique=True)
    name: Mapped[str] = mapped_column(Text)
    skus: Mapped[str] = mapped_column(Text)
    words: Mapped[str] = mapped_column(Text().with_variant(postgresql.TSVECTOR(), "postgresql"))


for kind, statements in INDEXES.items():
    for statement in statements:
        event.listen(bare(ProductWordsRow), "after_create", DDL(statement).execute_if(dialect=kind))


def entry(product_id: str, name: str, description: str, skus: Iterable[str]) -> dict[str, str]:
    """A row of the index."""
    named, coded = both_spellings(name), both_spellings(" ".join(skus))
    all_of_them = sorted({*named, *coded, *both_spellings(description)})
    return {"product_id": product_id, "name": line(named), "skus": line(coded), "words": line(all_of_them)}


def put(session: Session, entries: Sequence[Mapping[str, str]]) -> None:
    """From now on these products are found by these words, and by no others."""
    _PUT(session, sorted(entries, key=lambda one: one["product_id"]))


def found(q: str) -> ColumnElement[bool]:
    """Every word of `q` begins a word of the product's. Where there is no word in it, nothing is found."""
    words = sought(q)
    return mentions(ProductWordsRow.number, ProductWordsRow.words, words) if words else false()


def relevance(q: str) -> ColumnElement[int]:
    """A whole number out of the product's own words, so that it stays what it is while others come and go.

    For each word the best of: 8 a word of the name, 6 the beginning of one, 4 of a SKU's, 1 elsewhere;
    and 1 more if the words are the name's first ones, 2 if they are all of it.
    """
    name, skus = literal(" ") + ProductWordsRow.name + " ", literal(" ") + ProductWordsRow.skus
    words = sought(q)
    each = [
        case((_in(name, f" {word} "), 8), (_in(name, f" {word}"), 6), (_in(skus, f" {word}"), 4), else_=1)
        for word in words
    ]
    whole = line(both_spellings(q))
    first = case((ProductWordsRow.name == whole, 2), (ProductWordsRow.name.startswith(whole), 1), else_=0)
    return sum(each, start=first)


def _in(text: ColumnElement[str], part: str) -> ColumnElement[bool]:
    return text.contains(part)  # words hold nothing that LIKE would take for a pattern


class mentions(FunctionElement[bool]):
    """Which rows of the index have words that begin with all of these."""

    inherit_cache = True

    def __init__(self, number: Any, words: Any, wanted: Sequence[str]) -> None:
        super().__init__(number, words, bindparam("wanted", list(wanted), type_=_Wanted(), unique=True))


class _Wanted(TypeDecorator[Sequence[str]]):
    """Words as the database's own query; they are letters and digits, and quoted all the same."""

    impl = String
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(Text())

    def process_bind_param(self, value: Any, dialect: Dialect) -> str:
        if dialect.name == "postgresql":
            return " & ".join(f"'{word}':*" for word in value)
        return " ".join(f'"{word}" *' for word in value)


@compiles(mentions, "postgresql")
def _on_postgresql(element: Any, compiler: Any, **kw: Any) -> str:
    _, words, wanted = (compiler.process(clause, **kw) for clause in element.clauses)
    return f"{words} @@ CAST({wanted} AS tsquery)"


@compiles(mentions, "sqlite")
def _on_sqlite(element: Any, compiler: Any, **kw: Any) -> str:
    number, _, wanted = (compiler.process(clause, **kw) for clause in element.clauses)
    return f"{number} IN (SELECT rowid FROM {FTS} WHERE {FTS} MATCH {wanted})"  # noqa: S608 - compiled, not pasted


_PUT = inserting(
    bare(ProductWordsRow),
    *("product_id", "name", "skus", "words"),
    then=lambda insert: insert.on_conflict_do_update(
        index_elements=["product_id"],
        set_={name: insert.excluded[name] for name in ("name", "skus", "words")},
    ),
)
