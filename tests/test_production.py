"""What is fine on a laptop and dangerous where strangers are does not start in production."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest
from environs import Env

import config
from config import checks

ROOT = Path(__file__).parent.parent
SECRETS = ("JWT_SECRET", "BANK_KEY", "BANK_WEBHOOK_SECRET")
PRODUCTION = {"ORDERWAVE_ENV": "production", **dict.fromkeys(SECRETS, "x" * 32)}


def loaded(environment: dict[str, str]) -> config.Settings:
    with mock.patch.dict(os.environ, environment, clear=True):
        return config.load(Env())


@pytest.mark.parametrize("name", SECRETS)
def test_it_does_not_start_with_a_secret_that_nobody_has_set(tmp_path: Path, name: str) -> None:
    here = PRODUCTION | {"STATE_DIR": str(tmp_path)}
    for weak in ({}, {name: ""}, {name: "x" * 31}):
        with pytest.raises(checks.InsecureSetting, match=name):
            loaded({known: value for known, value in here.items() if known != name} | weak)
    assert loaded(here).environment == "production"
    assert list(tmp_path.iterdir()) == [], "it makes none for itself"


def test_settings_show_no_secret() -> None:
    hidden = {name: f"hidden-{number}-{'x' * 32}" for number, name in enumerate(SECRETS)}
    urls = {
        "DATABASE_URL": "postgresql+psycopg://shop:hidden@db/shop",
        "BROKER_URL": "amqp://shop:hidden@broker//",
        "REDIS_URL": "redis://:hidden@cache/0",
        "SMTP_URL": "smtp://shop:hidden@mail",
        "FLOWER_BASIC_AUTH": "shop:hidden",
    }
    assert "hidden" not in repr(loaded(hidden | urls))


def test_the_demo_accounts_are_not_for_it(tmp_path: Path) -> None:
    here = os.environ | PRODUCTION | {"STATE_DIR": str(tmp_path), "DATABASE_URL": f"sqlite:///{tmp_path}/shop.db"}
    seeding = subprocess.run(
        [sys.executable, "-m", "demo.seed"], cwd=ROOT, env=here, capture_output=True, text=True, check=False
    )
    assert (seeding.returncode, seeding.stdout) == (1, "")
    assert "not for production" in seeding.stderr
    assert list(tmp_path.iterdir()) == []
