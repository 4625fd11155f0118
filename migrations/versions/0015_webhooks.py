"""webhooks"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from db import schema

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

TOLD_ALREADY = (
    "UPDATE offers SET started_told_at = created_at"
    " WHERE code IS NULL AND (starts_at IS NULL OR starts_at <= CURRENT_TIMESTAMP)",
    "UPDATE offers SET ended_told_at = ends_at WHERE code IS NULL AND ends_at <= CURRENT_TIMESTAMP",
)


def upgrade() -> None:
    op.create_table(
        "webhook_endpoints",
        sa.Column("id", schema.ID, nullable=False),
        sa.Column("url", sa.String(length=500), nullable=False),
        sa.Column("description", sa.String(length=200), nullable=False),
        sa.Column("events", schema.DOCUMENT, nullable=False),
        sa.Column("secret", sa.String(length=100), nullable=False),
        sa.Column("old_secret", sa.String(length=100), nullable=True),
        sa.Column("old_secret_until", schema.Moment(), nullable=True),
        sa.Column("disabled_at", schema.Moment(), nullable=True),
        sa.Column("disabled_why", sa.String(length=40), nullable=True),
        sa.Column("created_by", schema.ID, nullable=False),
        sa.Column("created_at", schema.Moment(), nullable=False),
        sa.Column("updated_at", schema.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_endpoints")),
    )
    op.create_table(
        "happenings",
        sa.Column("id", schema.ID, nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("data", schema.DOCUMENT, nullable=False),
        sa.Column("at", schema.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_happenings")),
    )
    op.create_index("ix_happenings_at", "happenings", ["at"])
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", schema.ID, nullable=False),
        sa.Column("endpoint_id", schema.ID, nullable=False),
        sa.Column("happening_id", schema.ID, nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("replays", sa.Integer(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("ms", sa.Integer(), nullable=True),
        sa.Column("error", sa.String(length=80), nullable=True),
        sa.Column("created_at", schema.Moment(), nullable=False),
        sa.Column("updated_at", schema.Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["endpoint_id"],
            ["webhook_endpoints.id"],
            name=op.f("fk_webhook_deliveries_endpoint_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["happening_id"], ["happenings.id"], name=op.f("fk_webhook_deliveries_happening_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_deliveries")),
    )
    op.create_index(op.f("ix_webhook_deliveries_endpoint_id"), "webhook_deliveries", ["endpoint_id"])
    op.create_index(op.f("ix_webhook_deliveries_happening_id"), "webhook_deliveries", ["happening_id"])
    with op.batch_alter_table("offers", schema=None) as batch_op:
        batch_op.add_column(sa.Column("started_told_at", schema.Moment(), nullable=True))
        batch_op.add_column(sa.Column("ended_told_at", schema.Moment(), nullable=True))
    for statement in TOLD_ALREADY:
        op.execute(statement)


def downgrade() -> None:
    with op.batch_alter_table("offers", schema=None) as batch_op:
        batch_op.drop_column("ended_told_at")
        batch_op.drop_column("started_told_at")
    op.drop_table("webhook_deliveries")
    op.drop_table("happenings")
    op.drop_table("webhook_endpoints")
