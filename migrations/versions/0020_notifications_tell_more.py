"""notifications tell more: attempts, what staff wrote, who asked; orders keep a language"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from db import schema

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("notifications", schema=None) as batch_op:
        batch_op.add_column(sa.Column("attempts", sa.Integer(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("about", schema.ID, nullable=True))
        batch_op.add_column(sa.Column("content", schema.DOCUMENT, nullable=True))
        batch_op.add_column(sa.Column("asked_by", schema.ID, nullable=True))
        batch_op.add_column(sa.Column("resend_of", schema.ID, nullable=True))
        batch_op.create_index(batch_op.f("ix_notifications_subject_id"), ["subject_id"], unique=False)
    with op.batch_alter_table("orders", schema=None) as batch_op:
        batch_op.add_column(sa.Column("language", sa.String(length=10), server_default="en", nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("orders", schema=None) as batch_op:
        batch_op.drop_column("language")
    with op.batch_alter_table("notifications", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_notifications_subject_id"))
        for name in ("resend_of", "asked_by", "content", "about", "attempts"):
            batch_op.drop_column(name)
