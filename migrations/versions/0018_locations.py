"""locations"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from db import functions
from db import schema

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

AWAY = sa.text("location <> 'main'")


def upgrade() -> None:
    op.create_table(
        "locations",
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("created_at", schema.Moment(), nullable=False),
        sa.Column("updated_at", schema.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_locations")),
    )
    _seed()
    op.create_table(
        "stock_levels",
        sa.Column("sku", sa.String(length=64), nullable=False),
        sa.Column("location", sa.String(length=40), nullable=False),
        sa.Column("on_hand", sa.Integer(), nullable=False),
        sa.CheckConstraint("on_hand >= 0", name=op.f("ck_stock_levels_on_hand_not_negative")),
        sa.ForeignKeyConstraint(["location"], ["locations.code"], name=op.f("fk_stock_levels_location")),
        sa.ForeignKeyConstraint(["sku"], ["stock.sku"], name=op.f("fk_stock_levels_sku")),
        sa.PrimaryKeyConstraint("sku", "location", name=op.f("pk_stock_levels")),
    )
    with op.batch_alter_table("stock", schema=None) as batch_op:
        batch_op.add_column(sa.Column("elsewhere", sa.Integer(), server_default="0", nullable=False))
        batch_op.create_check_constraint(
            batch_op.f("ck_stock_elsewhere_within_on_hand"), "elsewhere >= 0 AND elsewhere <= on_hand"
        )
    for table in ("stock_movements", "returns"):
        op.add_column(table, sa.Column("location", sa.String(length=40), server_default="main", nullable=False))
    op.create_index(
        "ix_stock_movements_elsewhere", "stock_movements", ["order_id"], postgresql_where=AWAY, sqlite_where=AWAY
    )
    with op.batch_alter_table("fulfilments", schema=None) as batch_op:
        batch_op.add_column(sa.Column("location", sa.String(length=40), nullable=True))
        batch_op.create_foreign_key(batch_op.f("fk_fulfilments_location"), "locations", ["location"], ["code"])


def downgrade() -> None:
    with op.batch_alter_table("fulfilments", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_fulfilments_location"), type_="foreignkey")
        batch_op.drop_column("location")
    op.drop_index("ix_stock_movements_elsewhere", "stock_movements")
    op.drop_column("returns", "location")
    op.drop_column("stock_movements", "location")
    op.drop_table("stock_levels")
    with op.batch_alter_table("stock", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("ck_stock_elsewhere_within_on_hand"), type_="check")
        batch_op.drop_column("elsewhere")
    op.drop_table("locations")


def _seed() -> None:
    now = functions.transaction_time()
    table = sa.table("locations", *(sa.column(name) for name in ("code", "name", "created_at", "updated_at")))
    op.execute(table.insert().values(code="main", name="Main", created_at=now, updated_at=now))
