"""the same person: uses of coupons know the address of the account beside that of the order"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("coupon_uses", schema=None) as batch_op:
        batch_op.add_column(sa.Column("account_email", sa.String(length=320), nullable=True))
        batch_op.alter_column("email", existing_type=sa.String(length=254), type_=sa.String(length=320))
        batch_op.create_index("ix_coupon_uses_coupon_id_account_email", ["coupon_id", "account_email"])
    op.execute(
        "UPDATE coupon_uses SET account_email ="
        " (SELECT lower(users.email) FROM users WHERE users.id = coupon_uses.customer_id)"
    )
    op.execute("UPDATE coupon_uses SET email = 'mark:' || email WHERE email = CAST(customer_id AS VARCHAR(36))")


def downgrade() -> None:
    op.execute("UPDATE coupon_uses SET email = CAST(customer_id AS VARCHAR(36)) WHERE email LIKE 'mark:%'")
    with op.batch_alter_table("coupon_uses", schema=None) as batch_op:
        batch_op.drop_index("ix_coupon_uses_coupon_id_account_email")
        batch_op.alter_column("email", existing_type=sa.String(length=320), type_=sa.String(length=254))
        batch_op.drop_column("account_email")
