"""returns are decided on"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from db import schema

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("returns", schema=None) as batch_op:
        batch_op.add_column(sa.Column("answer", sa.String(length=500), nullable=True))
        batch_op.add_column(sa.Column("decided_at", schema.Moment(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("returns", schema=None) as batch_op:
        batch_op.drop_column("decided_at")
        batch_op.drop_column("answer")
