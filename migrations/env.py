"""The script that alembic runs: all pending migrations in one transaction, by one process at a time."""

from __future__ import annotations

from alembic import context

import db
from config import settings
from migrations.alone import alone
from migrations.rendering import options


def online() -> None:
    with alone(db.engine()) as connection:
        context.configure(connection=connection, **options())
        context.run_migrations()


def offline() -> None:
    """Print the SQL of `alembic upgrade head --sql`, to run it by hand."""
    context.configure(url=settings().database_url, literal_binds=True, **options())
    with context.begin_transaction():
        context.run_migrations()


if context.is_offline_mode():
    offline()
else:
    online()
