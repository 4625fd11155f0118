"""Slugs of products from other shops' files: every one can be a slug here, and no two are the same."""

from __future__ import annotations

import pytest

from shop.catalogue.rules import LONGEST_SLUG, slug_problem
from shop.import_export.foreign_files import Slugs

AN_ID = "0198c0de-0000-7000-8000-000000000001"
LONG = "a" * 114 + "-" + "b" * 5


@pytest.mark.parametrize(
    ("text", "slugs"),
    [
        ("oak-chair", ["oak-chair", "oak-chair-2"]),
        ("Oak Chair!", ["oak-chair", "oak-chair-2"]),
        ("import", ["import-2", "import-3"]),
        ("Exports", ["exports", "exports-2"]),
        ("Imports", ["imports-2", "imports-3"]),
        (AN_ID, [f"{AN_ID}-2", f"{AN_ID}-3"]),
        (LONG, [LONG, "a" * 114 + "-2"]),
    ],
)
def test_what_is_taken_or_means_something_else_gets_a_number(text: str, slugs: list[str]) -> None:
    assigned = Slugs()
    assert [assigned.of(key, text) for key in ("first", "second")] == slugs
    assert assigned.of("first", text) == slugs[0], "the same product keeps its own"
    assert [slug_problem(slug) for slug in slugs] == [None, None]
    assert max(map(len, slugs)) <= LONGEST_SLUG


def test_a_name_of_signs_alone_has_no_slug() -> None:
    """The line is refused for it."""
    assert Slugs().of("first", "!!!") == ""
