"""What lies in STATE_DIR is for its owner's eyes, and what has served does not lie there for long."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import text

import db
from config import checks
from db import sqlite_log
from litebroker.database import Database
from litebroker.options import Options
from sandbox.store import Store
from tests.fixtures import Configure
from tests.sandboxes import wait_until
from tests.stack import Stack
from tests.stack.fixtures import PAIRS, running


@pytest.fixture(autouse=True)
def _usual() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_folder_and_files_that_others_could_read_are_shut(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    for below in (folder, folder / "logs"):
        below.mkdir(mode=0o755)
    tool, log = folder / "tool", folder / "logs/api.log"
    tool.touch(0o755)
    log.touch(0o644)
    (folder / "link").symlink_to(tmp_path / "outside")
    (tmp_path / "outside").touch(0o644)
    checks.private_folder(folder)
    checks.shut_all(folder)
    assert [mode(path) for path in (folder, tool, log)] == [0o700, 0o700, 0o600]
    assert mode(tmp_path / "outside") == 0o644


def test_a_folder_that_everybody_writes_to_is_left_as_it_is(tmp_path: Path) -> None:
    everybodys = tmp_path / "tmp"
    everybodys.mkdir()
    everybodys.chmod(0o1777)
    checks.private_folder(everybodys)
    assert mode(everybodys) == 0o1777


@pytest.mark.parametrize("was_there", [False, True])
def test_databases_and_their_logs_are_for_their_owner(tmp_path: Path, configure: Configure, was_there: bool) -> None:
    shop, broker, bank = (tmp_path / name for name in ("shop.db", "broker.db", "bank.db"))
    if was_there:
        for path in (shop, broker, bank):
            path.touch(0o644)
    configure(DATABASE_URL=f"sqlite:///{shop}")
    with db.transaction() as session:
        session.execute(text("CREATE TABLE things (id integer)"))
    queue = Database(broker, Options())
    with queue.write() as connection:
        connection.execute("CREATE TABLE things (id integer)")
    books = Store(bank, "create table if not exists things (id integer)")
    assert {path.name: mode(path) for path in tmp_path.glob("*.db*") if path.is_file()} == {
        f"{name}.db{part}": 0o600 for name in ("shop", "broker", "bank") for part in ("", "-wal", "-shm")
    }
    queue.close()
    books.close()


def test_what_was_deleted_is_in_no_file_once_the_log_was_emptied(tmp_path: Path, configure: Configure) -> None:
    shop, secret = tmp_path / "shop.db", f"tok_{uuid4().hex}"
    configure(DATABASE_URL=f"sqlite:///{shop}")
    with db.transaction() as session:
        session.execute(text("CREATE TABLE cards (id integer primary key, token text)"))
        session.execute(text("INSERT INTO cards VALUES (1, :token)"), {"token": secret})
    assert sqlite_log.truncate(shop)
    assert holding(tmp_path, secret) == ["shop.db"]
    with db.transaction() as session:
        session.execute(text("UPDATE cards SET token = NULL"))
    assert sqlite_log.truncate(shop)
    assert holding(tmp_path, secret) == []


def test_a_log_that_somebody_reads_is_emptied_another_time(tmp_path: Path, configure: Configure) -> None:
    shop = tmp_path / "shop.db"
    configure(DATABASE_URL=f"sqlite:///{shop}")
    with db.transaction() as session:
        session.execute(text("CREATE TABLE things (id integer)"))
    with closing(sqlite3.connect(shop, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM things").fetchall()
        with db.transaction() as session:
            session.execute(text("INSERT INTO things VALUES (1)"))
        assert not sqlite_log.truncate(shop)
    assert sqlite_log.truncate(shop)
    assert (tmp_path / "shop.db-wal").stat().st_size == 0


def test_a_log_that_its_last_user_deletes_at_that_moment_is_short_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "exists", lambda _: True)
    assert sqlite_log.truncate(tmp_path / "shop.db")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("pair", PAIRS)
def test_the_token_of_a_card_that_has_served_is_in_no_file(
    pair: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> None:
    request.param = pair
    with running(request, tmp_path_factory, PAYMENT_PROVIDER="instant") as stack:
        paid, declined = f"tok_{uuid4().hex}", f"tok_{uuid4().hex}_declined"
        client, sku = stack.client(), stack.sku(on_hand=10)
        for token, end in ((paid, "succeeded"), (declined, "failed")):
            assert client.finished(client.place(sku, token=token).job_id)["status"] == end
        _goes_away(stack, paid)
        _goes_away(stack, declined)
        assert others_can_read(stack.state_dir) == []


def _goes_away(stack: Stack, token: str) -> None:
    wait_until(lambda: holding(stack.state_dir, token) == [], seconds=2 * sqlite_log.EVERY, what=f"{token} to be gone")


def holding(folder: Path, words: str) -> list[str]:
    """The files with these words in them, as `grep -r` finds them."""
    return sorted(path.name for path in folder.rglob("*") if path.is_file() and words.encode() in path.read_bytes())


def others_can_read(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*.db*") if path.is_file() and mode(path) & checks.OTHERS)
