"""a refund says which return it is for"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from db import schema

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("refunds", schema=None) as batch_op:
        batch_op.add_column(sa.Column("return_id", schema.ID, nullable=True))
        batch_op.create_foreign_key(batch_op.f("fk_refunds_return_id"), "returns", ["return_id"], ["id"])


def downgrade() -> None:
    with op.batch_alter_table("refunds", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_refunds_return_id"), type_="foreignkey")
        batch_op.drop_column("return_id")
