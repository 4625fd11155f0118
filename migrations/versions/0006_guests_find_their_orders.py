"""guests find their orders"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

GUESTS = sa.text("customer_id IS NULL")


def upgrade() -> None:
    op.execute("UPDATE orders SET email = lower(trim(email)) WHERE customer_id IS NULL")
    with op.batch_alter_table("orders", schema=None) as batch_op:
        batch_op.create_index(
            "ix_orders_guests_email", ["email"], unique=False, sqlite_where=GUESTS, postgresql_where=GUESTS
        )


def downgrade() -> None:
    with op.batch_alter_table("orders", schema=None) as batch_op:
        batch_op.drop_index("ix_orders_guests_email")
