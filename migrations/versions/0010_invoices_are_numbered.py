"""invoices are numbered"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from db import schema

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "number_series",
        sa.Column("name", sa.String(length=20), nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_number_series")),
    )
    op.create_table(
        "invoices",
        sa.Column("order_id", schema.ID, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("issued_at", schema.Moment(), nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_invoices_order_id")),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_invoices")),
        sa.UniqueConstraint("number", name=op.f("uq_invoices_number")),
    )


def downgrade() -> None:
    op.drop_table("invoices")
    op.drop_table("number_series")
