"""The doctor finds a product that is not found by what is written of it, and the repair makes its index anew."""

from __future__ import annotations

import pytest
from sqlalchemy import text

import db
from doctor import repair
from doctor.search import products_are_found
from shop.search import products as product_search
from shop.search.facets import facets
from shop.search.query import Search
from tests.api.catalogue_data import put_on_shelf
from tests.fixtures import Database

STALE = {
    "another name": "UPDATE products SET name = 'Sofa Chair'",
    "a name of the index": "UPDATE product_words SET name = 'sofa'",
    "no line": "DELETE FROM product_words",
    "words of others": "UPDATE product_words SET words = 'sofa'",
    "a sort key": "UPDATE product_words SET sort_name = 'zzz'",
    "no near words": "DELETE FROM word_grams",
    "no options": "DELETE FROM variant_options",
    "another option": "UPDATE variant_options SET value = 'black'",
    "an option as it was written before": "UPDATE variant_options SET shown_value = 'WHITE'",
    "an option that no variant has": (
        "INSERT INTO variant_options (sku, name, value, product_id, shown_name, shown_value)"
        " SELECT sku, 'size', 'l', product_id, 'size', 'L' FROM variants"
    ),
    "a variant's name": "UPDATE variants SET name = 'Ebony'",
    "a category's name": "UPDATE categories SET name = 'Sofas'",
}


def breaches() -> list[str]:
    with db.reading() as session:
        return [" ".join(word for word in said.split() if "-" not in word) for said in products_are_found(session)]


def found(q: str) -> int:
    with db.reading() as session:
        return len(product_search.find(session, Search(q=q), limit=9))


def run(statement: str) -> None:
    with db.transaction() as session:
        session.execute(text(statement))


@pytest.mark.parametrize("how", STALE)
def test_what_is_stale_is_named_and_made_anew(database: Database, how: str) -> None:
    put_on_shelf("CHAIR", name="Crème brûlée d'été, 2 Stück Chair", options={"color": "White"})
    assert breaches() == []
    run(STALE[how])
    assert breaches() == ["product is not indexed by its words"]
    assert repair.main([]) == 1
    assert repair.main(["--do"]) == 0
    assert breaches() == []
    assert found("sofa") == (how in ("another name", "a category's name"))
    assert found("chiar") == 1, "a typing error finds"
    with db.reading() as session:
        assert facets(session, Search()).options == [("color", [("White", 1)])]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_trigger_that_was_missed_is_found(database: Database) -> None:
    put_on_shelf("CHAIR")
    run("INSERT INTO product_words_fts(product_words_fts) VALUES ('delete-all')")
    assert breaches() == ["the index of words has lost or kept lines"]
    assert repair.main(["--do"]) == 0
    assert (breaches(), found("chair")) == ([], 1)
