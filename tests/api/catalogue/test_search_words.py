"""Words: what is found by them, what counts for more, and that nothing in them is a language."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient

import db
from shop.catalogue import products
from shop.catalogue.search_index import entry
from shop.catalogue.search_words import words_of
from tests.api import catalogue_data

SHELF = (
    ("CH-1", "Oak Chair", "Sits 100% well"),
    ("ST-1", "Bar Stool", "Goes with every oak table"),
    ("OAK-7", "Standing Desk", "Near the window or not"),
    ("STUHL", "Stühle für Kinder", "Weiß und groß"),
    ("LAMP", "Crème Brûlée Lamp", "Ærø Ελλάδα ЛАМПА"),
)


def put_on_shelf(sku: str, **more: Any) -> None:
    """Found by its own texts alone: in no category, its variant without a word."""
    catalogue_data.put_on_shelf(sku, **{"category": None, "variant_name": "***", **more})


@pytest.fixture(autouse=True)
def _goods(client: FlaskClient) -> None:
    for sku, name, description in SHELF:
        put_on_shelf(sku, name=name, description=description, price=len(name), slug=sku.lower())


def found(client: FlaskClient, q: str, more: str = "") -> list[str]:
    answer = client.get(f"/api/products?q={quote(q)}{more}")
    assert answer.status_code == 200, answer.text
    return [item["variants"][0]["sku"] for item in answer.json["items"]]


FOUND: dict[str, list[str]] = {
    "oak": ["CH-1", "OAK-7", "ST-1"],  # name, SKU, description
    "OAK": ["CH-1", "OAK-7", "ST-1"],
    "oa": ["CH-1", "OAK-7", "ST-1"],
    "ak": [],  # the middle of a word is not its beginning
    "oak well": ["CH-1"],
    "well oak oak": ["CH-1"],
    "oak lamp": [],
    "oak-7": ["OAK-7"],
    "ch-1": ["CH-1"],
    "stühle": ["STUHL"],
    "STU\u0308HLE": ["STUHL"],  # the dots as a letter of their own
    "stuhle": ["STUHL"],
    "stuehle": ["STUHL"],
    "fuer gross weiss": ["STUHL"],
    "GROSS": ["STUHL"],
    "creme brulee": ["LAMP"],
    "CRÈME BRÛLÉE": ["LAMP"],
    "ελλαδα": ["LAMP"],
    "лампа": ["LAMP"],
    "100": ["CH-1"],
}


def test_words_find_whatever_their_case_and_accents(client: FlaskClient) -> None:
    assert {q: found(client, q) for q in FOUND} == FOUND


PLAIN: dict[str, list[str]] = {
    '"oak': ["CH-1", "OAK-7", "ST-1"],
    '""': [],
    "oak*": ["CH-1", "OAK-7", "ST-1"],
    "*": [],
    "-oak": ["CH-1", "OAK-7", "ST-1"],
    "!oak": ["CH-1", "OAK-7", "ST-1"],
    "oak OR desk": ["OAK-7"],  # all three are words of it
    "oak OR chair": [],
    "near or not": ["OAK-7"],
    "oak AND chair": [],
    "NOT oak": ["OAK-7"],
    "NEAR(oak chair)": [],
    "name:oak": [],
    "{name} : oak": [],
    "^oak": ["CH-1", "OAK-7", "ST-1"],
    "oak:*&chair": ["CH-1"],
    "oak <-> chair": ["CH-1"],
    "(": [],
    "%": [],
    "_": [],
    "\\": [],
    "'; DROP TABLE products; --": [],
    "' OR 1=1 --": [],
    "🪑": [],
    "\u202eoak": ["CH-1", "OAK-7", "ST-1"],
    "x" * 200: [],
    "a b c d e f g h i j k": [],
}


def test_nothing_in_it_is_a_language(client: FlaskClient) -> None:
    assert {q: found(client, q) for q in PLAIN} == PLAIN


def test_a_word_of_the_name_counts_for_most_and_the_name_itself_for_more(client: FlaskClient) -> None:
    put_on_shelf("NEW-1", name="Chair", description="")
    put_on_shelf("NEW-2", name="Chair cushion", description="")
    put_on_shelf("NEW-3", name="Chairman", description="")
    put_on_shelf("NEW-4", name="Seat", description="for a chair")
    put_on_shelf("CHAIR-5", name="Seat", description="")
    assert found(client, "chair") == ["NEW-1", "NEW-2", "CH-1", "NEW-3", "CHAIR-5", "NEW-4"]
    assert found(client, "chair", "&sort=relevance") == found(client, "chair")
    assert found(client, "chair", "&sort=newest") == ["CHAIR-5", "NEW-4", "NEW-3", "NEW-2", "NEW-1", "CH-1"]
    assert found(client, "oak", "&sort=price") == ["CH-1", "ST-1", "OAK-7"]


def test_pages_by_relevance_skip_and_repeat_nothing_while_products_are_added(client: FlaskClient) -> None:
    for number in range(5):
        put_on_shelf(f"MORE-{number}", name="Oak chair", description="")
    everything = found(client, "oak")
    assert len(everything) == 8
    page = client.get("/api/products?q=oak&limit=2").json
    seen = [item["variants"][0]["sku"] for item in page["items"]]
    put_on_shelf("LATE", name="Oak", description="oak " * 50)
    while page["next"]:
        page = client.get(f"/api/products?q=oak&limit=2&cursor={page['next']}").json
        seen += [item["variants"][0]["sku"] for item in page["items"]]
    assert seen == everything


def test_filters_and_counts_hold_for_what_words_have_found(client: FlaskClient) -> None:
    put_on_shelf("GONE", name="Oak Shelf", on_hand=0, category="storage", price=50)
    found_all = client.get("/api/products?q=oak").json["facets"]
    assert [(one["category"], one["count"]) for one in found_all["categories"]] == [
        ("storage", 1),
    ]
    assert found_all["in_stock"] == {"true": 3, "false": 1}
    assert found(client, "oak", "&in_stock=false") == found(client, "oak", "&category=storage") == ["GONE"]
    assert found(client, "oak", "&max_price=9") == ["CH-1", "ST-1"]


def test_an_edit_is_found_at_once_and_what_it_took_away_no_longer(client: FlaskClient) -> None:
    with db.transaction() as session:
        product = products.hold(session, "ch-1")
        products.edit(session, product, {"name": "Elm Chair"})
        products.add_variant(
            session, product, {"sku": "ZZ-TOP", "name": "x", "price": {"amount": 1, "currency": "EUR"}}
        )
    assert (found(client, "elm"), found(client, "zz-top")) == (["CH-1"], ["CH-1"])
    assert found(client, "oak") == ["OAK-7", "ST-1"]
    with db.transaction() as session:
        products.retire_variant(session, products.hold(session, "ch-1"), "ZZ-TOP")
    assert found(client, "zz-top") == []


def test_a_product_without_words_of_its_own_takes_nothing_from_others(client: FlaskClient) -> None:
    put_on_shelf("PLAIN", name="***", description="", slug="stars")
    assert found(client, "plain") == ["PLAIN"]
    assert found(client, "***") == []


def test_an_empty_catalogue_has_nothing_to_find(client: FlaskClient) -> None:
    with db.transaction() as session:
        for slug in ("ch-1", "st-1", "oak-7", "stuhl", "lamp"):
            products.archive(session, products.hold(session, slug))
    assert found(client, "oak") == []
    assert client.get("/api/products?q=oak").json["facets"]["in_stock"] == {"true": 0, "false": 0}


def test_whatever_text_becomes_words_that_a_database_takes() -> None:
    row = entry("id", "½ ﬁne ŒUVRE", "'a':1 \\ \"b\" c&d|e" + "y" * 500, ["A.B_C-1"])
    assert row["name"] == "1 2 fine oeuvre"
    assert row["skus"] == "a b c 1 abc1"
    assert row["words"] == f"1 2 a abc1 b c d e{'y' * 59} fine oeuvre"
    assert words_of("  ") == []
