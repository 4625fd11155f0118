"""who began it"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from db import schema

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

BY_CUSTOMERS = ("place_order", "pay_order", "ask_return")


def upgrade() -> None:
    op.add_column("runs", sa.Column("started_by", sa.String(length=64), nullable=True))
    _name_those_under_way()


def _name_those_under_way() -> None:
    """Customers began these, and go on being able to turn them back."""
    names = ("workflow", "subject_id", "due_at", "started_by")
    runs = sa.table("runs", *(sa.column(name) for name in names))
    orders = sa.table("orders", sa.column("id", schema.ID), sa.column("customer_id", schema.ID))
    owner = sa.select(sa.cast(orders.c.customer_id, sa.String)).where(orders.c.id == sa.cast(runs.c.subject_id, schema.ID))
    live = runs.c.workflow.in_(BY_CUSTOMERS) & runs.c.due_at.is_not(None)
    named = sa.func.coalesce(owner.scalar_subquery(), "guest")
    op.execute(runs.update().where(live).values(started_by=named))


def downgrade() -> None:
    op.drop_column("runs", "started_by")
