"""unasked mails are counted"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from db import schema

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "mail_counts",
        sa.Column("mailbox", sa.String(length=32), nullable=False),
        sa.Column("seconds", sa.Integer(), nullable=False),
        sa.Column("began_at", schema.Moment(), nullable=False),
        sa.Column("sent", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("mailbox", "seconds", name=op.f("pk_mail_counts")),
    )


def downgrade() -> None:
    op.drop_table("mail_counts")
