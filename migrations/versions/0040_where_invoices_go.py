"""where the invoice of an order goes, and the buyer's VAT id"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from db import schema

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("orders", schema=None) as batch_op:
        batch_op.add_column(sa.Column("billing_address", schema.DOCUMENT, nullable=True))
        batch_op.add_column(sa.Column("vat_id", sa.String(length=20), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("orders", schema=None) as batch_op:
        batch_op.drop_column("vat_id")
        batch_op.drop_column("billing_address")
