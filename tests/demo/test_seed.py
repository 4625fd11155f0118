"""The seed adds what is missing and leaves alone what somebody has changed."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

import db
from demo import accounts, seed
from shop.accounts import passwords, users
from shop.catalogue.tables import VariantRow
from shop.stock import adjustments
from shop.stock import tables as stock_tables
from tests.fixtures import Configure, Database

GOODS = seed.read(seed.CATALOGUE)


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, configure: Configure, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DEMO_PASSWORD", raising=False)
    configure(STATE_DIR=str(tmp_path))


def test_everything_in_the_file_is_on_the_shelf(database: Database) -> None:
    assert seed.seed() == (len(GOODS), 3)
    with db.reading() as session:
        assert session.scalar(select(func.count()).select_from(VariantRow)) == len(GOODS)
        assert stock_tables.level(session, GOODS[0]["sku"]).on_hand == int(GOODS[0]["on_hand"])
        assert {sku: stock_tables.level(session, sku).backorder_limit for sku in seed.TO_ORDER} == seed.TO_ORDER


def test_a_second_time_changes_nothing(database: Database) -> None:
    seed.seed()
    sku = GOODS[0]["sku"]
    with db.transaction() as session:
        session.execute(update(VariantRow).where(VariantRow.sku == sku).values(price=1))
        adjustments.receive(session, sku, 5)
    assert seed.seed() == (0, 0)
    with db.reading() as session:
        assert session.get_one(VariantRow, sku).price == 1
        assert stock_tables.level(session, sku).on_hand == int(GOODS[0]["on_hand"]) + 5


def test_the_accounts_have_their_roles_and_one_password(database: Database) -> None:
    accounts.make_accounts()
    roles = {"customer@example.com": "customer", "staff@example.com": "staff", "admin@example.com": "admin"}
    assert {email: role_of(email) for email in roles} == roles
    assert opens("admin@example.com", accounts.kept_password())


def test_a_random_password_is_kept_for_nobody_else_to_read(database: Database, tmp_path: Path) -> None:
    accounts.make_accounts()
    kept = tmp_path / "demo-password"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert len(kept.read_text().strip()) == 16
    before = kept.read_text()
    accounts.make_accounts()
    assert kept.read_text() == before


def test_demo_password_decides_also_later(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    accounts.make_accounts()
    monkeypatch.setenv("DEMO_PASSWORD", "open sesame")
    assert accounts.make_accounts() == 3
    assert opens("staff@example.com", "open sesame")
    assert accounts.make_accounts() == 0


def role_of(email: str) -> str | None:
    with db.reading() as session:
        found = users.by_email(session, email)
        return found.role if found else None


def opens(email: str, password: str | None) -> bool:
    with db.reading() as session:
        found = users.by_email(session, email)
    assert found
    return passwords.matches(password or "", found.password_hash)
