"""patience is a time, and gateways that are away"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from db import schema

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

WAITING = sa.text("waiting_for IS NOT NULL")


def upgrade() -> None:
    op.add_column("runs", sa.Column("troubled_since", schema.Moment(), nullable=True))
    op.add_column("runs", sa.Column("waiting_for", sa.String(255), nullable=True))
    op.create_index(
        "ix_runs_waiting_for", "runs", ["waiting_for"], postgresql_where=WAITING, sqlite_where=WAITING
    )
    op.add_column("journal", sa.Column("unsent", sa.Integer(), server_default="0", nullable=False))
    op.create_table(
        "gateways",
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("away_since", schema.Moment(), nullable=True),
        sa.Column("probe_at", schema.Moment(), nullable=True),
        sa.Column("pause", sa.Integer(), nullable=False),
        sa.Column("woken_at", schema.Moment(), nullable=True),
        sa.Column("told_at", schema.Moment(), nullable=True),
        sa.Column("back_at", schema.Moment(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_gateways")),
    )
    op.create_table(
        "operator_acts",
        sa.Column("id", schema.ID, nullable=False),
        sa.Column("run_id", schema.ID, nullable=False),
        sa.Column("act", sa.String(20), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("step", sa.String(), nullable=False),
        sa.Column("direction", sa.String(), nullable=False),
        sa.Column("error", schema.DOCUMENT, nullable=True),
        sa.Column("at", schema.Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["runs.id"], name=op.f("fk_operator_acts_run_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operator_acts")),
    )
    op.create_index("ix_operator_acts_run_id", "operator_acts", ["run_id"])


def downgrade() -> None:
    op.drop_table("operator_acts")
    op.drop_table("gateways")
    op.drop_column("journal", "unsent")
    op.drop_index("ix_runs_waiting_for", "runs")
    op.drop_column("runs", "waiting_for")
    op.drop_column("runs", "troubled_since")
