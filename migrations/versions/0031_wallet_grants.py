"""wallet grants"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from db import schema

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

PENDING = sa.text("status = 'pending'")


def upgrade() -> None:
    op.create_table(
        "wallet_grants",
        sa.Column("id", schema.ID, nullable=False),
        sa.Column("customer_id", schema.ID, nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("asked_by", schema.ID, nullable=False),
        sa.Column("asked_at", schema.Moment(), nullable=False),
        sa.Column("decided_by", schema.ID, nullable=True),
        sa.Column("decided_at", schema.Moment(), nullable=True),
        sa.Column("note", sa.String(length=500), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_wallet_grants_amount_positive")),
        sa.CheckConstraint("status <> 'approved' OR decided_by <> asked_by", name=op.f("ck_wallet_grants_two_people")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wallet_grants")),
    )
    op.create_index("ix_wallet_grants_pending", "wallet_grants", ["id"], postgresql_where=PENDING, sqlite_where=PENDING)


def downgrade() -> None:
    op.drop_table("wallet_grants")
