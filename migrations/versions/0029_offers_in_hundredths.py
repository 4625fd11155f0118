"""offers in hundredths of a per cent"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

NAME = "ck_offers_percent_in_bounds"


def upgrade() -> None:
    _bound("percent BETWEEN 1 AND 10000", "percent * 100")


def downgrade() -> None:
    """What has a fraction of a per cent is rounded up: nobody loses a discount altogether."""
    _bound("percent BETWEEN 1 AND 100", "(percent + 99) / 100")


def _bound(check: str, value: str) -> None:
    with op.batch_alter_table("offers", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f(NAME), type_="check")
    op.execute(sa.text(f"UPDATE offers SET percent = {value} WHERE percent IS NOT NULL"))
    with op.batch_alter_table("offers", schema=None) as batch_op:
        batch_op.create_check_constraint(batch_op.f(NAME), check)
