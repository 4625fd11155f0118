"""taxes by rate, how shipping is taxed, and on which conditions an order got what it got off"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from db import schema

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("tax_rates", schema=None) as batch_op:
        batch_op.add_column(sa.Column("shipping", sa.String(length=20), nullable=True))
    with op.batch_alter_table("order_lines", schema=None) as batch_op:
        batch_op.add_column(sa.Column("tax_rate", sa.Integer(), nullable=True))
    with op.batch_alter_table("orders", schema=None) as batch_op:
        batch_op.add_column(sa.Column("taxes", schema.DOCUMENT, nullable=True))
        batch_op.add_column(sa.Column("conditions", schema.DOCUMENT, nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("orders", schema=None) as batch_op:
        batch_op.drop_column("conditions")
        batch_op.drop_column("taxes")
    with op.batch_alter_table("order_lines", schema=None) as batch_op:
        batch_op.drop_column("tax_rate")
    with op.batch_alter_table("tax_rates", schema=None) as batch_op:
        batch_op.drop_column("shipping")
