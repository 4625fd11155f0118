"""words folded one way, words near to them, options as filters, names in the order of the alphabet"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import postgresql

from db import schema
from shop.catalogue import (near_words, option_index)
from shop.catalogue.search_index import (FTS, INDEXES, entry)

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

PAGE = 500  # products
_TEXT = sa.Text()
_IN_ORDER = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    if context.is_offline_mode():
        raise SystemExit("0033 reads the products that are there: run it against the database")
    _drop_words()
    _make_words(sa.Column("sort_name", _IN_ORDER, server_default="", nullable=False))
    op.create_table(
        "word_grams",
        sa.Column("word", sa.String(length=60), nullable=False),
        sa.Column("gram", sa.String(length=3), nullable=False),
        sa.PrimaryKeyConstraint("word", "gram", name=op.f("pk_word_grams")),
    )
    op.create_index("ix_word_grams_gram", "word_grams", ["gram", "word"])
    op.create_table(
        "variant_options",
        sa.Column("sku", sa.String(length=64), nullable=False),
        sa.Column("name", _IN_ORDER, nullable=False),
        sa.Column("value", _IN_ORDER, nullable=False),
        sa.Column("product_id", schema.ID, nullable=False),
        sa.Column("shown_name", _TEXT, nullable=False),
        sa.Column("shown_value", _TEXT, nullable=False),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name=op.f("fk_variant_options_product_id")),
        sa.ForeignKeyConstraint(["sku"], ["variants.sku"], name=op.f("fk_variant_options_sku")),
        sa.PrimaryKeyConstraint("sku", "name", name=op.f("pk_variant_options")),
    )
    op.create_index(op.f("ix_variant_options_product_id"), "variant_options", ["product_id"])
    op.create_index("ix_variant_options_value", "variant_options", ["name", "value", "sku"])
    _fill(op.get_bind())


def downgrade() -> None:
    """The words of before are made by `make repair` of the version before."""
    op.drop_table("variant_options")
    op.drop_table("word_grams")
    _drop_words()
    _make_words()


def _drop_words() -> None:
    if op.get_context().dialect.name == "sqlite":
        op.execute(f"DROP TABLE {FTS}")
    op.drop_table("product_words")


def _make_words(*more: sa.Column[Any]) -> None:
    op.create_table(
        "product_words",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("product_id", schema.ID, nullable=False),
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("skus", _TEXT, nullable=False),
        sa.Column("words", sa.Text().with_variant(postgresql.TSVECTOR(), "postgresql"), nullable=False),
        *more,
        sa.ForeignKeyConstraint(
            ["product_id"], ["products.id"], name=op.f("fk_product_words_product_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_product_words")),
        sa.UniqueConstraint("product_id", name=op.f("uq_product_words_product_id")),
    )
    for statement in INDEXES[op.get_context().dialect.name]:
        op.execute(statement)


def _fill(connection: sa.Connection) -> None:
    """What is in the catalogue already."""
    categories = {row.id: row for row in connection.execute(sa.select(_CATEGORIES))}
    names = {row.path: row.name for row in categories.values()}
    query = sa.select(_PRODUCTS).order_by(_PRODUCTS.c.id).limit(PAGE)
    page = connection.execute(query).all()
    while page:
        variants: dict[str, list[Any]] = defaultdict(list)
        of_page = _VARIANTS.c.product_id.in_([row.id for row in page])
        for row in connection.execute(sa.select(_VARIANTS).where(_VARIANTS.c.active, of_page).order_by(*_ORDER)):
            variants[row.product_id].append(row)
        ways = {row.id: _way(categories[row.category_id].path, names) if row.category_id else [] for row in page}
        _write(connection, [(row, variants[row.id], ways[row.id]) for row in page])
        page = connection.execute(query.where(_PRODUCTS.c.id > page[-1].id)).all()


def _way(path: str, names: dict[str, str]) -> list[str]:
    parts = path.split("/")
    above = ["/".join(parts[: depth + 1]) for depth in range(len(parts))]
    return [path, *(names[one] for one in above if one in names)]


def _write(connection: sa.Connection, page: list[tuple[Any, list[Any], list[str]]]) -> None:
    put = []
    for row, variants, way in page:
        texts = [text for one in variants for text in (one.name, *(part for pair in one.options.items() for part in pair))]
        put.append(entry(row.id, row.name, row.description, [one.sku for one in variants], [*texts, *way]))
    connection.execute(sa.insert(_WORDS), put)
    words = {word for one in put for word in one["words"].split()}
    new = {word for word in words if near_words.is_kept(word)}
    new -= set(connection.scalars(sa.select(_GRAMS.c.word).where(_GRAMS.c.word.in_(sorted(new))).distinct()))
    if new:
        grams = [{"word": word, "gram": gram} for word in sorted(new) for gram in near_words.grams(word)]
        connection.execute(sa.insert(_GRAMS), grams)
    options = [row for _, variants, _ in page for one in variants for row in _options(one)]
    if options:
        connection.execute(sa.insert(_OPTIONS), options)


def _options(variant: Any) -> list[dict[str, Any]]:
    return option_index.entries(variant.product_id, variant.sku, variant.options)


def _table(table: str, **columns: Any) -> Any:
    return sa.table(table, *(sa.column(column, kind) for column, kind in columns.items()))


_CATEGORIES = _table("categories", id=schema.ID, path=_TEXT, name=_TEXT)
_PRODUCTS = _table("products", id=schema.ID, name=_TEXT, description=_TEXT, category_id=schema.ID)
_VARIANTS = _table(
    "variants",
    sku=_TEXT,
    product_id=schema.ID,
    name=_TEXT,
    options=schema.DOCUMENT,
    position=sa.Integer(),
    active=sa.Boolean(),
)
_ORDER = (_VARIANTS.c.position, _VARIANTS.c.sku)
_WORDS = _table(
    "product_words",
    product_id=schema.ID,
    name=_TEXT,
    skus=_TEXT,
    words=_TEXT.with_variant(postgresql.TSVECTOR(), "postgresql"),
    sort_name=_TEXT,
)
_GRAMS = _table("word_grams", word=_TEXT, gram=_TEXT)
_OPTIONS = _table(
    "variant_options",
    sku=_TEXT,
    name=_TEXT,
    value=_TEXT,
    product_id=schema.ID,
    shown_name=_TEXT,
    shown_value=_TEXT,
)
