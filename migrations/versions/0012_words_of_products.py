"""words of products"""

from __future__ import annotations

from collections import defaultdict

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import postgresql

import sql
from shop.search_index import FTS, INDEXES, entry

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

PAGE = 500  # products


def upgrade() -> None:
    op.create_table(
        "product_words",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("product_id", sql.ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("skus", sa.Text(), nullable=False),
        sa.Column("words", sa.Text().with_variant(postgresql.TSVECTOR(), "postgresql"), nullable=False),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name=op.f("fk_product_words_product_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_product_words")),
        sa.UniqueConstraint("product_id", name=op.f("uq_product_words_product_id")),
    )
    for statement in INDEXES[op.get_context().dialect.name]:
        op.execute(statement)
    if context.is_offline_mode():
        raise SystemExit("0012 reads the products that are there: run it against the database")
    _fill(op.get_bind())


def downgrade() -> None:
    if op.get_context().dialect.name == "sqlite":
        op.execute(f"DROP TABLE {FTS}")
    op.drop_table("product_words")


def _fill(connection: sa.Connection) -> None:
    """What is in the catalogue already."""
    query = sa.select(_PRODUCTS).order_by(_PRODUCTS.c.id).limit(PAGE)
    page = connection.execute(query).all()
    while page:
        skus: dict[str, list[str]] = defaultdict(list)
        for id, sku in connection.execute(_SKUS.where(_VARIANTS.c.product_id.in_([row.id for row in page]))):
            skus[id].append(sku)
        put = [entry(row.id, row.name, row.description, skus[row.id]) for row in page]
        connection.execute(sa.insert(_WORDS), put)
        page = connection.execute(query.where(_PRODUCTS.c.id > page[-1].id)).all()


_TEXT = sa.Text()
_PRODUCTS = sa.table(
    "products", sa.column("id", sql.ID), sa.column("name", _TEXT), sa.column("description", _TEXT)
)
_VARIANTS = sa.table(
    "variants",
    sa.column("sku", _TEXT),
    sa.column("product_id", sql.ID),
    sa.column("active", sa.Boolean),
    sa.column("position", sa.Integer),
)
_SKUS = (
    sa.select(_VARIANTS.c.product_id, _VARIANTS.c.sku)
    .where(_VARIANTS.c.active)
    .order_by(_VARIANTS.c.position, _VARIANTS.c.sku)
)
_WORDS = sa.table(
    "product_words",
    sa.column("product_id", sql.ID),
    sa.column("name", _TEXT),
    sa.column("skus", _TEXT),
    sa.column("words", _TEXT.with_variant(postgresql.TSVECTOR(), "postgresql")),
)
