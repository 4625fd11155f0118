"""files of other shops: what is not taken of them"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from db import schema

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("imports", schema=None) as batch_op:
        batch_op.alter_column("format", existing_type=sa.String(length=10), type_=sa.String(length=20))
        batch_op.add_column(sa.Column("not_taken", schema.DOCUMENT, server_default="[]", nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("imports", schema=None) as batch_op:
        batch_op.drop_column("not_taken")
        batch_op.alter_column("format", existing_type=sa.String(length=20), type_=sa.String(length=10))
