"""Every attack on docs/security.md is named with tests that exist."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

TESTS = Path(__file__).parents[1]
PAGE = (TESTS.parent / "docs/security.md").read_text()
ROW = re.compile(r"^\| (?!attack|---)(.+?) \| .+ \| (.+) \|$", re.MULTILINE)
NAMED = re.compile(r"`([\w/]+\.py)::(test_\w+)`")


@cache
def names_in(file: str) -> set[str]:
    path = TESTS / file
    return set(re.findall(r"^def (test_\w+)\(", path.read_text(), re.MULTILINE)) if path.exists() else set()


def test_every_attack_has_a_test_that_exists() -> None:
    rows = ROW.findall(PAGE)
    assert len(rows) >= 40
    assert [attack for attack, tests in rows if not NAMED.findall(tests)] == []
    assert [f"{file}::{name}" for file, name in NAMED.findall(PAGE) if name not in names_in(file)] == []


def test_no_test_is_named_in_a_way_that_is_not_looked_at() -> None:
    assert len(NAMED.findall(PAGE)) == len(re.findall(r"\btest_\w+(?!\w|\.py)", PAGE.partition("## Attacks")[2]))
