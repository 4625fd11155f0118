"""The doctor finds a product that is not found by its words, and the repair makes its index anew."""

from __future__ import annotations

import pytest
from sqlalchemy import text

import db
from doctor import repair
from doctor.search import products_are_found
from shop.search import products as search
from shop.search.query import Search
from tests.api.goods import put_on_shelf
from tests.fixtures import Database

STALE = {
    "another name": ["UPDATE products SET name = 'Sofa'"],
    "a name of the index": ["UPDATE product_words SET name = 'sofa'"],
    "no line": ["DELETE FROM product_words"],
    "words of others": ["UPDATE product_words SET words = 'sofa'"],
}


def breaches() -> list[str]:
    with db.reading() as session:
        return [" ".join(word for word in said.split() if "-" not in word) for said in products_are_found(session)]


def found(q: str) -> int:
    with db.reading() as session:
        return len(search.find(session, Search(q=q), limit=9))


@pytest.mark.parametrize("how", STALE)
def test_what_is_stale_is_named_and_made_anew(database: Database, how: str) -> None:
    put_on_shelf("CHAIR", name="Crème brûlée d'été, 2 Stück")
    assert breaches() == []
    with db.transaction() as session:
        for statement in STALE[how]:
            session.execute(text(statement))
    assert breaches() == ["product is not indexed by its words"]
    assert repair.main([]) == 1
    assert repair.main(["--do"]) == 0
    assert breaches() == []
    assert found("sofa") == (how == "another name")


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_trigger_that_was_missed_is_found(database: Database) -> None:
    put_on_shelf("CHAIR")
    with db.transaction() as session:
        session.execute(text("INSERT INTO product_words_fts(product_words_fts) VALUES ('delete-all')"))
    assert breaches() == ["the index of words has lost or kept lines"]
    assert repair.main(["--do"]) == 0
    assert (breaches(), found("chair")) == ([], 1)
