"""`.env.example` is complete and true: it names every variable, and its defaults are the program's."""

from __future__ import annotations

import os
import re
from dataclasses import asdict
from pathlib import Path
from unittest import mock

from environs import Env

import config

ROOT = Path(__file__).parent.parent
READ = re.compile(r"""(?:env\.\w+|secret|stripe)\("([A-Z_]+)\"""")
SHOWN = re.compile(r"^#([A-Z_]+)=(.*)$", re.MULTILINE)
READ_BY_OTHERS = {"DEMO_PASSWORD", "FLOWER_BROKER_API", "POSTGRES_PASSWORD", "RABBITMQ_PASSWORD", "REQUIREMENTS"}
BELOW_STATE_DIR = {"DATABASE_URL", "BROKER_URL"}  # shown for the default folder, computed from the one at hand
SECRETS = ("JWT_SECRET", "BANK_KEY", "BANK_WEBHOOK_SECRET")


def test_every_variable_is_shown() -> None:
    read = set(READ.findall((ROOT / "config" / "environment.py").read_text()))
    assert {name for name, _ in shown()} == read | READ_BY_OTHERS


def test_the_values_shown_are_the_defaults() -> None:
    secrets = dict.fromkeys(SECRETS, "x" * 32)
    said = {name: value for name, value in shown() if value and name not in BELOW_STATE_DIR}
    assert loaded(said | secrets) == loaded(secrets)


def shown() -> list[tuple[str, str]]:
    return SHOWN.findall((ROOT / ".env.example").read_text())


def loaded(environment: dict[str, str]) -> dict[str, object]:
    with mock.patch.dict(os.environ, environment, clear=True):
        return asdict(config.load(Env()))
