"""Who can not be heard is not ready, and that is all: the supervisor goes on."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import config
from deploy.readiness import Pinger
from tests.fixtures import Configure


def test_nobody_answers_through_a_broker_whose_file_is_locked(configure: Configure, tmp_path: Path) -> None:
    configure(BROKER_URL=f"litebroker:///{tmp_path}/broker.db")
    file = tmp_path / "broker.db"
    pinger = Pinger(config.settings())
    pinger._app.conf.broker_transport_options = {"busy_timeout": 0.2}
    assert pinger.answering(["steps"]) == set()
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert pinger.answering(["steps"]) == set()
    pinger.close()
