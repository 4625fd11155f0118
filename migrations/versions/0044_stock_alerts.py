"""who is to be told when a SKU is here again"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from db import schema

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "stock_alerts",
        sa.Column("id", schema.ID, nullable=False),
        sa.Column("user_id", schema.ID, nullable=False),
        sa.Column("sku", sa.String(64), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("created_at", schema.Moment(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_stock_alerts_user_id")),
        sa.ForeignKeyConstraint(["sku"], ["variants.sku"], name=op.f("fk_stock_alerts_sku")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stock_alerts")),
    )
    op.create_index("uq_stock_alerts_user", "stock_alerts", ["user_id", "sku"], unique=True)
    op.create_index("ix_stock_alerts_sku", "stock_alerts", ["sku", "state", "id"])


def downgrade() -> None:
    op.drop_table("stock_alerts")
