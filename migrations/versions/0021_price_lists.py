"""price lists"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "variant_prices",
        sa.Column("sku", sa.String(length=64), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["sku"], ["variants.sku"], name=op.f("fk_variant_prices_sku")),
        sa.PrimaryKeyConstraint("sku", "currency", name=op.f("pk_variant_prices")),
    )
    op.create_table(
        "shipping_rates",
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("rate", sa.BigInteger(), nullable=False),
        sa.Column("free_above", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("rate >= 0", name=op.f("ck_shipping_rates_rate_not_negative")),
        sa.ForeignKeyConstraint(
            ["code"], ["shipping_methods.code"], name=op.f("fk_shipping_rates_code"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("code", "currency", name=op.f("pk_shipping_rates")),
    )
    op.add_column("offers", sa.Column("currency", sa.String(length=3), server_default="EUR", nullable=False))


def downgrade() -> None:
    op.drop_column("offers", "currency")
    op.drop_table("shipping_rates")
    op.drop_table("variant_prices")
