"""backorders"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from db import schema

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

WAITING = sa.text("backordered > 0")


def upgrade() -> None:
    with op.batch_alter_table("stock", schema=None) as batch_op:
        batch_op.add_column(sa.Column("backordered", sa.Integer(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("backorder_limit", sa.Integer(), nullable=True))
        batch_op.create_check_constraint(batch_op.f("ck_stock_backordered_not_negative"), "backordered >= 0")
    with op.batch_alter_table("reservations", schema=None) as batch_op:
        batch_op.add_column(sa.Column("backordered", sa.Integer(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("reserved_at", schema.Moment(), nullable=True))
        batch_op.create_check_constraint(
            batch_op.f("ck_reservations_backordered_within_quantity"), "backordered >= 0 AND backordered <= quantity"
        )
    op.create_index(
        "ix_reservations_waiting",
        "reservations",
        ["sku", "reserved_at"],
        postgresql_where=WAITING,
        sqlite_where=WAITING,
    )


def downgrade() -> None:
    op.drop_index("ix_reservations_waiting", "reservations")
    with op.batch_alter_table("reservations", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("ck_reservations_backordered_within_quantity"), type_="check")
        batch_op.drop_column("reserved_at")
        batch_op.drop_column("backordered")
    with op.batch_alter_table("stock", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("ck_stock_backordered_not_negative"), type_="check")
        batch_op.drop_column("backorder_limit")
        batch_op.drop_column("backordered")
