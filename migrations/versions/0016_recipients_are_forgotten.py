"""recipients of campaigns are forgotten"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import sql

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("campaign_runs", sa.Column("fates", sql.DOCUMENT, nullable=True))


def downgrade() -> None:
    op.drop_column("campaign_runs", "fates")
