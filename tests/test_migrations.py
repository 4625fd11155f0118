"""The migrations make exactly the tables that the models describe, on both databases, and only once."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, Engine, create_engine, inspect, text

import db
from db.schema import new_id
from deploy import migrate
from migrations.alone import BrokenReferences, alone
from migrations.models import metadata
from migrations.rendering import options
from shop.search import products as product_search
from shop.search.query import Search
from tests.fixtures import Configure
from tests.sandboxes import START_SECONDS
from tests.services.session import Services

ROOT = Path(__file__).parent.parent

# What alembic's comparison does not look at: conditions of indexes, checks, room left on a page.
DETAILS = """
    SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'alembic_version'
    UNION ALL
    SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace AND conrelid::regclass::text <> 'alembic_version'
    UNION ALL
    SELECT relname || ' ' || reloptions::text FROM pg_class WHERE reloptions IS NOT NULL AND relnamespace = 'public'::regnamespace
    ORDER BY 1
"""  # noqa: E501


@pytest.fixture(params=["sqlite", "postgresql"])
def nothing(request: pytest.FixtureRequest, tmp_path: Path, configure: Configure) -> Iterator[str]:
    """A database without a single table."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/new.db"
        configure(DATABASE_URL=url)
        yield url
        return
    services: Services = request.getfixturevalue("services")
    with services.postgresql.database() as url:
        configure(DATABASE_URL=url)
        yield url
        db.engine().dispose()


def test_models_and_migrations_agree(nothing: str) -> None:
    migrate.upgrade()
    assert differences() == []


def test_a_downgrade_leaves_nothing_and_an_upgrade_brings_all_back(nothing: str) -> None:
    migrate.upgrade()
    command.downgrade(migrate.alembic(), "base")
    assert inspect(db.engine()).get_table_names() == ["alembic_version"]
    migrate.upgrade()
    assert differences() == []


def test_products_that_were_there_before_words_were_indexed_are_found(nothing: str) -> None:
    command.upgrade(migrate.alembic(), "0009")
    id = new_id()
    about = "(id, slug, name, description, images, status, tax_class, version, created_at, updated_at)"
    of_it = "(sku, product_id, name, options, price, currency, position, active)"
    with db.transaction() as session:
        session.execute(
            text(
                f"INSERT INTO products {about} VALUES (:id, 'stuhl', 'Stuhl', 'Bequem', '[]', 'active', 'standard',"
                " 1, '2026-01-01', '2026-01-01')"
            ),
            {"id": id},
        )
        session.execute(
            text(f"INSERT INTO variants {of_it} VALUES ('ST-9', :id, 'x', '{{}}', 1, 'EUR', 0, true)"), {"id": id}
        )
    migrate.upgrade()
    for q in ("stuhl", "bequem", "st-9"):
        with db.reading() as session:
            assert [hit.product.id for hit in product_search.find(session, Search(q=q), limit=2)] == [id]


def test_a_second_run_does_nothing(nothing: str) -> None:
    first = migrate.upgrade()
    assert migrate.upgrade() == first
    assert differences() == []


def test_four_processes_that_migrate_at_once_do_it_once(nothing: str) -> None:
    running = [subprocess.Popen([sys.executable, "-m", "deploy.migrate"], cwd=ROOT) for _ in range(4)]
    assert [process.wait(timeout=START_SECONDS) for process in running] == [0, 0, 0, 0]
    assert differences() == []


def test_indexes_checks_and_page_room_are_as_the_models_say(services: Services, configure: Configure) -> None:
    with services.postgresql.database() as migrated, services.postgresql.database() as created:
        configure(DATABASE_URL=migrated)
        migrate.upgrade()
        with using(created) as engine:
            metadata.create_all(engine)
            wanted = details(engine)
        assert details(db.engine()) == wanted
        db.engine().dispose()


def test_a_migration_may_think_for_longer_than_the_shop_lets_a_transaction_stand(
    services: Services, configure: Configure
) -> None:
    with services.postgresql.database() as url:
        configure(DATABASE_URL=url)
        with alone(db.engine()) as connection:
            limit = connection.execute(text("SHOW idle_in_transaction_session_timeout")).scalar_one()
        with db.reading() as session:
            after = session.execute(text("SHOW idle_in_transaction_session_timeout")).scalar_one()
        db.engine().dispose()
    assert (limit, after) == ("0", "5s")


def test_a_migration_that_breaks_references_is_rolled_back(tmp_path: Path, configure: Configure) -> None:
    configure(DATABASE_URL=f"sqlite:///{tmp_path}/new.db")
    migrate.upgrade()
    orphan = "INSERT INTO journal (run_id, step, direction, name, state, attempts, refusals, started_at) "
    with pytest.raises(BrokenReferences, match="journal"), alone(db.engine()) as connection:
        connection.execute(text(orphan + "VALUES ('nobody', 0, 'do', 'x', 'done', 1, 0, '2026-01-01')"))
    with db.reading() as session:
        assert session.execute(text("SELECT count(*) FROM journal")).scalar_one() == 0
        assert session.execute(text("PRAGMA foreign_keys")).scalar_one() == 1, "kept again by whoever comes next"


def test_what_people_wanted_to_hear_goes_along(nothing: str) -> None:
    command.upgrade(migrate.alembic(), "0007")
    with db.engine().begin() as connection:
        for name, wants in (("a", '{"language": "de", "marketing_emails": true}'), ("b", "{}")):
            row = {"id": f"0199aaaa-0000-7000-8000-00000000000{name}", "email": f"{name}@example.com", "wants": wants}
            connection.execute(text(USER), row)
    migrate.upgrade()
    with db.reading() as session:
        users = session.execute(text("SELECT email, language, email_hash FROM users ORDER BY id")).all()
        assert [tuple(user) for user in users] == [
            (email, language, sha256(email.encode()).hexdigest())
            for email, language in (("a@example.com", "de"), ("b@example.com", "en"))
        ]
        for table in ("consents", "consent_events"):
            said = session.execute(text(f"SELECT topic, granted, source FROM {table} ORDER BY topic")).all()
            assert [tuple(one) for one in said] == [
                (topic, True, "preferences") for topic in ("back_in_stock", "offers", "reminders")
            ]


def test_domains_get_one_spelling_and_accounts_that_collide_stay(
    nothing: str, capfd: pytest.CaptureFixture[str]
) -> None:
    command.upgrade(migrate.alembic(), "0029")
    emails = ["a@münchen.de", "b@xn--mnchen-3ya.de", "b@münchen.de", "josé@example.com", "c@☃.net"]
    ids = [f"0199aaaa-0000-7000-8000-00000000000{number}" for number in range(5)]
    with db.engine().begin() as connection:
        for id, email in zip(ids, emails, strict=True):
            connection.execute(text(NEWER_USER), {"id": id, "email": email, "hash": sha256(email.encode()).hexdigest()})
        bounced = {"id": new_id(), "hash": sha256(emails[0].encode()).hexdigest()}
        connection.execute(text(SUPPRESSED), bounced)
    migrate.upgrade()
    with db.reading() as session:
        rows = session.execute(text("SELECT email, email_hash FROM users ORDER BY id")).all()
        kept = ["a@xn--mnchen-3ya.de", "b@xn--mnchen-3ya.de", "b@münchen.de", "josé@example.com", "c@☃.net"]
        assert [tuple(row) for row in rows] == [(email, sha256(email.encode()).hexdigest()) for email in kept]
        hashes = set(session.execute(text("SELECT address_hash FROM suppressions")).scalars())
        assert hashes == {sha256(email.encode()).hexdigest() for email in ("a@münchen.de", "a@xn--mnchen-3ya.de")}
    said = capfd.readouterr().out
    assert (ids[2] in said, ids[0] in said, "münchen" in said) == (True, False, False)


NEWER_USER = """
    INSERT INTO users (id, email, email_hash, name, password_hash, role, created_at, updated_at)
    VALUES (:id, :email, :hash, 'A', '', 'customer', '2026-01-01', '2026-01-01')
"""
SUPPRESSED = """
    INSERT INTO suppressions (id, address_hash, reason, detail, at)
    VALUES (:id, :hash, 'bounce', 'a mail to it was refused', '2026-01-01')
"""
USER = """
    INSERT INTO users (id, email, name, password_hash, role, preferences, created_at, updated_at)
    VALUES (:id, :email, 'A', '', 'customer', :wants, '2026-01-01', '2026-01-01')
"""


def differences() -> list[object]:
    """Looked for outside of any transaction: comparing takes longer than the server lets one stand idle when busy."""
    with db.engine().connect() as connection:
        looking = connection.execution_options(isolation_level="AUTOCOMMIT")
        found: list[object] = compare_metadata(_context(looking), metadata)
    return found


def details(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return list(connection.execute(text(DETAILS)).scalars())


@contextmanager
def using(url: str) -> Iterator[Engine]:
    engine = create_engine(url)
    yield engine
    engine.dispose()


def _context(connection: Connection) -> MigrationContext:
    return MigrationContext.configure(
        connection, opts={name: options()[name] for name in ("compare_type", "include_name")}
    )
