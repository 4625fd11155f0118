"""reconciliations tell of orders that are unknown here"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("reconciliations", sa.Column("unknown_here", sa.Integer(), server_default="0", nullable=False))


def downgrade() -> None:
    op.drop_column("reconciliations", "unknown_here")
