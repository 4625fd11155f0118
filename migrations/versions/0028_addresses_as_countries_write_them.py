"""addresses as countries write them"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

FIELDS = {"city": 100, "postal_code": 20}


def upgrade() -> None:
    _allow_null(True)


def downgrade() -> None:
    for name in FIELDS:
        op.execute(f"UPDATE addresses SET {name} = '' WHERE {name} IS NULL")
    _allow_null(False)


def _allow_null(nullable: bool) -> None:
    with op.batch_alter_table("addresses", schema=None) as batch_op:
        for name, length in FIELDS.items():
            batch_op.alter_column(name, existing_type=sa.String(length=length), nullable=nullable)
