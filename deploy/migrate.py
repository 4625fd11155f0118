"""python -m deploy.migrate: bring the tables up to date, or write the next migration.

`python -m deploy.migrate new "what changes"` compares the models with what the migrations make so far.
"""

from __future__ import annotations

import os
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext

import config
import db
from config import checks

ROOT = Path(__file__).parent.parent


def alembic() -> Config:
    return Config(ROOT / "alembic.ini")


def upgrade() -> str | None:
    """Run all pending migrations. Returns the revision that the tables are at then."""
    checks.private_folder(config.settings().state_dir)
    command.upgrade(alembic(), "head")
    with db.engine().connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def write(message: str) -> None:
    """Write a new migration, made against an empty database of its own, so that no existing one matters.

    Sets DATABASE_URL of this process to that database. Formatted where ruff is installed; elsewhere `make lint` will
    ask for it.
    """
    chosen = alembic()
    if find_spec("ruff") is None:
        chosen.set_section_option("post_write_hooks", "hooks", "")
    with tempfile.TemporaryDirectory() as folder:
        _use(f"sqlite:///{folder}/empty.db")
        command.upgrade(alembic(), "head")
        command.revision(chosen, message, autogenerate=True)
        db.forget_engine()


def _use(url: str) -> None:
    os.environ["DATABASE_URL"] = url
    config.settings.cache_clear()
    db.forget_engine()


if __name__ == "__main__":
    match sys.argv[1:]:
        case []:
            print(f"tables are at revision {upgrade()}")
        case ["new", message]:
            write(message)
        case _:
            sys.exit(__doc__)
