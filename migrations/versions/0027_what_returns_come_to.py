"""what returns come to: their share, what is kept back of it, and what went back"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("returns", schema=None) as batch_op:
        batch_op.add_column(sa.Column("share", sa.BigInteger(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("kept_back", sa.BigInteger(), server_default="0", nullable=False))
    op.execute("UPDATE returns SET share = refund")


def downgrade() -> None:
    with op.batch_alter_table("returns", schema=None) as batch_op:
        batch_op.drop_column("kept_back")
        batch_op.drop_column("share")
