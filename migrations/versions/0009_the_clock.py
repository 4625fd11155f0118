"""the clock"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from db import schema

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "periodic_slots",
        sa.Column("task", sa.String(length=80), nullable=False),
        sa.Column("slot", schema.Moment(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("at", schema.Moment(), nullable=False),
        sa.Column("finished_at", schema.Moment(), nullable=True),
        sa.Column("run_id", schema.ID, nullable=True),
        sa.Column("asked_by", schema.ID, nullable=True),
        sa.Column("error", schema.DOCUMENT, nullable=True),
        sa.PrimaryKeyConstraint("task", "slot", name=op.f("pk_periodic_slots")),
    )


def downgrade() -> None:
    op.drop_table("periodic_slots")
