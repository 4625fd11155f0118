"""prices: offers, shipping, tax"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from db import schema

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "offers",
        sa.Column("id", schema.ID, nullable=False),
        sa.Column("code", sa.String(length=40), nullable=True),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("percent", sa.Integer(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.Column("buy", sa.Integer(), nullable=True),
        sa.Column("free", sa.Integer(), nullable=True),
        sa.Column("category", sa.String(length=255), nullable=True),
        sa.Column("product_id", schema.ID, nullable=True),
        sa.Column("minimum", sa.BigInteger(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("stackable", sa.Boolean(), nullable=False),
        sa.Column("starts_at", schema.Moment(), nullable=True),
        sa.Column("ends_at", schema.Moment(), nullable=True),
        sa.Column("total_limit", sa.Integer(), nullable=True),
        sa.Column("per_customer", sa.Integer(), nullable=True),
        sa.Column("uses", sa.Integer(), nullable=False),
        sa.Column("created_at", schema.Moment(), nullable=False),
        sa.Column("updated_at", schema.Moment(), nullable=False),
        sa.CheckConstraint("amount > 0 AND minimum >= 0", name=op.f("ck_offers_amounts_positive")),
        sa.CheckConstraint("percent BETWEEN 1 AND 100", name=op.f("ck_offers_percent_in_bounds")),
        sa.CheckConstraint(
            "uses >= 0 AND (total_limit IS NULL OR uses <= total_limit)", name=op.f("ck_offers_uses_within_limit")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_offers")),
        sa.UniqueConstraint("code", name=op.f("uq_offers_code")),
    )
    op.create_table(
        "shipping_methods",
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("rate", sa.BigInteger(), nullable=False),
        sa.Column("free_above", sa.BigInteger(), nullable=True),
        sa.Column("tax_class", sa.String(length=20), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.CheckConstraint("rate >= 0", name=op.f("ck_shipping_methods_rate_not_negative")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_shipping_methods")),
    )
    _seed()
    op.create_table(
        "tax_rates",
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("tax_class", sa.String(length=20), nullable=False),
        sa.Column("rate", sa.Integer(), nullable=False),
        sa.CheckConstraint("rate BETWEEN 0 AND 10000", name=op.f("ck_tax_rates_rate_in_bounds")),
        sa.PrimaryKeyConstraint("country", "tax_class", name=op.f("pk_tax_rates")),
    )
    op.create_table(
        "coupon_uses",
        sa.Column("order_id", schema.ID, nullable=False),
        sa.Column("coupon_id", schema.ID, nullable=False),
        sa.Column("customer_id", schema.ID, nullable=True),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("claimed_at", schema.Moment(), nullable=False),
        sa.Column("given_back_at", schema.Moment(), nullable=True),
        sa.ForeignKeyConstraint(
            ["coupon_id"], ["offers.id"], name=op.f("fk_coupon_uses_coupon_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_coupon_uses")),
    )
    with op.batch_alter_table("coupon_uses", schema=None) as batch_op:
        batch_op.create_index("ix_coupon_uses_coupon_id_customer_id", ["coupon_id", "customer_id"], unique=False)
        batch_op.create_index("ix_coupon_uses_coupon_id_email", ["coupon_id", "email"], unique=False)
        batch_op.create_index(batch_op.f("ix_coupon_uses_customer_id"), ["customer_id"], unique=False)

    with op.batch_alter_table("carts", schema=None) as batch_op:
        batch_op.add_column(sa.Column("country", sa.String(length=2), nullable=True))
        batch_op.add_column(sa.Column("coupon_code", sa.String(length=40), nullable=True))

    with op.batch_alter_table("order_lines", schema=None) as batch_op:
        batch_op.add_column(sa.Column("discount", sa.BigInteger(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("tax", sa.BigInteger(), server_default="0", nullable=False))

    with op.batch_alter_table("orders", schema=None) as batch_op:
        batch_op.add_column(sa.Column("shipping_tax", sa.BigInteger(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("tax_included", sa.Boolean(), server_default=sa.true(), nullable=False))
        batch_op.add_column(sa.Column("coupon_code", sa.String(length=40), nullable=True))
        batch_op.add_column(sa.Column("breakdown", schema.DOCUMENT, nullable=True))

    with op.batch_alter_table("products", schema=None) as batch_op:
        batch_op.add_column(sa.Column("tax_class", sa.String(length=20), server_default="standard", nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("products", schema=None) as batch_op:
        batch_op.drop_column("tax_class")

    with op.batch_alter_table("orders", schema=None) as batch_op:
        batch_op.drop_column("breakdown")
        batch_op.drop_column("coupon_code")
        batch_op.drop_column("tax_included")
        batch_op.drop_column("shipping_tax")

    with op.batch_alter_table("order_lines", schema=None) as batch_op:
        batch_op.drop_column("tax")
        batch_op.drop_column("discount")

    with op.batch_alter_table("carts", schema=None) as batch_op:
        batch_op.drop_column("coupon_code")
        batch_op.drop_column("country")

    with op.batch_alter_table("coupon_uses", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_coupon_uses_customer_id"))
        batch_op.drop_index("ix_coupon_uses_coupon_id_email")
        batch_op.drop_index("ix_coupon_uses_coupon_id_customer_id")

    op.drop_table("coupon_uses")
    op.drop_table("tax_rates")
    op.drop_table("shipping_methods")
    op.drop_table("offers")


def _seed() -> None:
    """What shipping cost while it stood in the code."""
    names = ("code", "name", "rate", "tax_class", "active")
    methods = sa.table("shipping_methods", *(sa.column(name) for name in names))
    rates = [("standard", "Standard", 490), ("express", "Express", 1290)]
    rows = [dict(zip(names, (*rate, "standard", True), strict=True)) for rate in rates]
    op.bulk_insert(methods, rows)
