"""bank transfers"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from db import schema

revision = "0023"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "bank_transfers",
        sa.Column("id", schema.ID, nullable=False),
        sa.Column("provider", sa.String(length=20), nullable=False),
        sa.Column("transfer_id", sa.String(length=255), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("reference", sa.String(length=255), nullable=False),
        sa.Column("at", schema.Moment(), nullable=False),
        sa.Column("problem", sa.String(length=40), nullable=True),
        sa.Column("order_id", schema.ID, nullable=True),
        sa.Column("payment_id", schema.ID, nullable=True),
        sa.Column("note", sa.String(length=1000), nullable=True),
        sa.Column("closed_at", schema.Moment(), nullable=True),
        sa.Column("closed_by", schema.ID, nullable=True),
        sa.Column("created_at", schema.Moment(), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_bank_transfers_amount_positive")),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name=op.f("fk_bank_transfers_payment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bank_transfers")),
        sa.UniqueConstraint("payment_id", name=op.f("uq_bank_transfers_payment_id")),
        sa.UniqueConstraint("provider", "transfer_id", name=op.f("uq_bank_transfers_provider_transfer_id")),
    )
    op.create_index("ix_bank_transfers_order_id", "bank_transfers", ["order_id"])
    op.create_index(
        "ix_bank_transfers_open",
        "bank_transfers",
        ["id"],
        postgresql_where=sa.text("closed_at IS NULL"),
        sqlite_where=sa.text("closed_at IS NULL"),
    )
    op.create_table(
        "bank_transfer_looks",
        sa.Column("provider", sa.String(length=20), nullable=False),
        sa.Column("looked_until", schema.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("provider", name=op.f("pk_bank_transfer_looks")),
    )


def downgrade() -> None:
    op.drop_table("bank_transfer_looks")
    op.drop_table("bank_transfers")
