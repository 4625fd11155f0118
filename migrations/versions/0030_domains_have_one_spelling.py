"""domains have one spelling"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from uuid import uuid4

import idna
import sqlalchemy as sa
from alembic import op

from db import schema

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

USERS = sa.table("users", sa.column("id", schema.ID), sa.column("email"), sa.column("email_hash"))
ORDERS = sa.table("orders", sa.column("id", schema.ID), sa.column("email"))
SUPPRESSIONS = sa.table(
    "suppressions",
    sa.column("id", schema.ID),
    *(sa.column(name) for name in ("address_hash", "reason", "detail")),
    sa.column("at", schema.Moment()),
)


def upgrade() -> None:
    """Domains as DNS has them. An account whose new spelling another one has already stays as it is, and is told of."""
    connection = op.get_bind()
    taken = set(connection.scalars(sa.select(USERS.c.email).where(USERS.c.email.contains("@xn--"))))
    for id, email, spelled in _respelled(USERS):
        if spelled in taken:
            print(f"account {id}: its address is that of another account in another spelling; it is left as it is")
            continue
        taken.add(spelled)
        values = {"email": spelled, "email_hash": _hash(spelled)}
        connection.execute(sa.update(USERS).where(USERS.c.id == id).values(values))
        _suppress_too(email, spelled)
    for id, email, spelled in _respelled(ORDERS):
        connection.execute(sa.update(ORDERS).where(ORDERS.c.id == id).values(email=spelled))
        _suppress_too(email, spelled)


def downgrade() -> None:
    """Both spellings sign in."""


def _respelled(table: sa.TableClause) -> Iterator[tuple[str, str, str]]:
    row = table.c
    odd = sa.text("email ~ '[^\\x01-\\x7f]'" if op.get_bind().dialect.name == "postgresql" else "email GLOB '*[^ -~]*'")
    for id, email in op.get_bind().execute(sa.select(row.id, row.email).where(odd).order_by(row.id)).all():
        local, at, domain = email.rpartition("@")
        try:
            spelled = f"{local}{at}{idna.encode(domain, uts46=True, std3_rules=True).decode()}"
        except UnicodeError:
            continue
        if spelled != email:
            yield id, email, spelled


def _suppress_too(email: str, spelled: str) -> None:
    """Only hashes are kept: what stands under the old spelling is put under the new one beside it."""
    row, connection = SUPPRESSIONS.c, op.get_bind()
    there = set(connection.scalars(sa.select(row.reason).where(row.address_hash == _hash(spelled))))
    for old in connection.execute(sa.select(SUPPRESSIONS).where(row.address_hash == _hash(email))).all():
        if old.reason not in there:
            fresh = {"id": str(uuid4()), "address_hash": _hash(spelled), "reason": old.reason, "detail": old.detail}
            connection.execute(sa.insert(SUPPRESSIONS).values(**fresh, at=old.at))


def _hash(address: str) -> str:
    return sha256(address.encode()).hexdigest()
