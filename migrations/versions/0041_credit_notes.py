"""what an invoice says stays, and credit notes have numbers of their own"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from db import schema

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("invoices", schema=None) as batch_op:
        batch_op.add_column(sa.Column("said", schema.DOCUMENT, nullable=True))
    op.create_table(
        "credit_notes",
        sa.Column("id", schema.ID, nullable=False),
        sa.Column("order_id", schema.ID, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("taxes", schema.DOCUMENT, nullable=False),
        sa.Column("said", schema.DOCUMENT, nullable=False),
        sa.Column("issued_at", schema.Moment(), nullable=False),
        sa.ForeignKeyConstraint(["id"], ["payment_transactions.id"], name=op.f("fk_credit_notes_id")),
        sa.ForeignKeyConstraint(["order_id"], ["invoices.order_id"], name=op.f("fk_credit_notes_order_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credit_notes")),
        sa.UniqueConstraint("number", name=op.f("uq_credit_notes_number")),
    )
    with op.batch_alter_table("credit_notes", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_credit_notes_order_id"), ["order_id"], unique=False)


def downgrade() -> None:
    op.drop_table("credit_notes")
    with op.batch_alter_table("invoices", schema=None) as batch_op:
        batch_op.drop_column("said")
