"""recipients of campaigns are forgotten"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from db import schema

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("campaign_runs", sa.Column("fates", schema.DOCUMENT, nullable=True))


def downgrade() -> None:
    op.drop_column("campaign_runs", "fates")
