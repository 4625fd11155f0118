"""histories in an order of their own

Until now a history was read by the clock, which may have been set back in the middle of it: what was written then is
numbered by the clock all the same, since nothing better is known.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None

NUMBER = """
    UPDATE order_events SET position = numbered.position FROM (
        SELECT id, row_number() OVER (PARTITION BY order_id ORDER BY at, id) AS position FROM order_events
    ) AS numbered WHERE numbered.id = order_events.id
"""


def upgrade() -> None:
    op.add_column("order_events", sa.Column("position", sa.Integer(), nullable=True))
    op.execute(NUMBER)
    with op.batch_alter_table("order_events", schema=None) as batch_op:
        batch_op.alter_column("position", existing_type=sa.Integer(), nullable=False)
        batch_op.create_unique_constraint(batch_op.f("uq_order_events_order_id_position"), ["order_id", "position"])
        batch_op.drop_index(batch_op.f("ix_order_events_order_id"))


def downgrade() -> None:
    with op.batch_alter_table("order_events", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_order_events_order_id"), ["order_id"], unique=False)
        batch_op.drop_constraint(batch_op.f("uq_order_events_order_id_position"), type_="unique")
        batch_op.drop_column("position")
