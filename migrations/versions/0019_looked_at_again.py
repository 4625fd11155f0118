"""what was under way in a reconciliation is looked at again"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from db import schema

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("reconciliation_lines", sa.Column("closed_in", schema.ID, nullable=True))
    op.create_index("ix_reconciliation_lines_closed_in", "reconciliation_lines", ["closed_in"])
    op.add_column("reconciliations", sa.Column("looked_until", schema.Moment(), nullable=True))
    op.execute("UPDATE reconciliations SET looked_until = until")


def downgrade() -> None:
    op.drop_column("reconciliations", "looked_until")
    op.drop_index("ix_reconciliation_lines_closed_in", table_name="reconciliation_lines")
    op.drop_column("reconciliation_lines", "closed_in")
