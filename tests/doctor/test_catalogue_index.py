"""The doctor compares sort keys, near words and options with what is written, too, and the repair makes them anew."""

from __future__ import annotations

import pytest
from sqlalchemy import text

import db
from doctor import repair
from shop.search import products as search
from shop.search.facets import facets
from shop.search.query import Search
from tests.api.goods import put_on_shelf
from tests.doctor.test_search import breaches
from tests.fixtures import Database

STALE = {
    "a sort key": ["UPDATE product_words SET sort_name = 'zzz'"],
    "no near words": ["DELETE FROM word_grams"],
    "no options": ["DELETE FROM variant_options"],
    "another option": ["UPDATE variant_options SET value = 'black'"],
    "an option as it was written before": ["UPDATE variant_options SET shown_value = 'WHITE'"],
    "a variant's name": ["UPDATE variants SET name = 'Ebony'"],
    "a category's name": ["UPDATE categories SET name = 'Sofas'"],
}


@pytest.mark.parametrize("how", STALE)
def test_what_is_stale_is_named_and_made_anew(database: Database, how: str) -> None:
    put_on_shelf("CHAIR", name="Chair", options={"color": "White"})
    assert breaches() == []
    with db.transaction() as session:
        for statement in STALE[how]:
            session.execute(text(statement))
    assert breaches() == ["product is not indexed by its words"]
    assert repair.main([]) == 1
    assert repair.main(["--do"]) == 0
    assert breaches() == []
    with db.reading() as session:
        assert len(search.find(session, Search(q="chiar", options={"color": ["white"]}), limit=2)) == 1
        assert facets(session, Search()).options == [("color", [("White", 1)])]


def test_an_option_that_no_variant_has_is_stale(database: Database) -> None:
    put_on_shelf("CHAIR", options={})
    with db.transaction() as session:
        session.execute(
            text(
                "INSERT INTO variant_options (sku, name, value, product_id, shown_name, shown_value)"
                " SELECT sku, 'color', 'red', product_id, 'color', 'red' FROM variants"
            )
        )
    assert breaches() == ["product is not indexed by its words"]
    assert repair.main(["--do"]) == 0
    assert breaches() == []
