"""Every promise is named by a test that can break it, and docs/reliability.md names nothing that is not there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/reliability.md").read_text()
PROMISES = re.findall(r"^\| (P[0-9]+) \|", PAGE, re.MULTILINE)
NAMED = re.compile(r"def test_((?:p\d+_)+)")


def _named_by_tests() -> set[str]:
    sources = (path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    return {promise.upper() for source in sources for names in NAMED.findall(source) for promise in names.split("_")}


@pytest.mark.parametrize("promise", PROMISES)
def test_a_promise_is_named_by_a_test_and_on_the_page(promise: str) -> None:
    assert promise in _named_by_tests()
    assert re.search(rf"^\| {promise} \| .+ \| .+ \|$", PAGE, re.MULTILINE)


def test_no_test_names_a_promise_that_was_not_made() -> None:
    assert len(set(PROMISES)) == len(PROMISES) >= 14
    assert _named_by_tests() - {""} == set(PROMISES)


def test_what_the_page_names_is_there() -> None:
    named = re.findall(r"`((?:tests|engine|docs)/[\w/.]+)`", PAGE)
    assert len(named) > 20
    assert [name for name in named if not (ROOT / name).exists()] == []
