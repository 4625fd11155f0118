"""Names in the order of the alphabet, whatever their case and accents, the same on both databases."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from shop.catalogue.search_words import sort_key
from tests.api.catalogue_data import put_on_shelf

IN_ORDER = [
    "2 stools",
    "apfel",
    "Apfel",
    "äpfel",
    "Äpfel",
    "apfel rot",
    "Ast",
    "Éclair",
    "eclairs",
    "łuk",
    "Lute",
    "øl",
    "Oma",
    "straße",
    "Strasse 2",
    "Zebra",
    "Жук",
    "椅子",
]


def names(client: FlaskClient, more: str) -> list[str]:
    page = client.get(f"/api/products?{more}").json
    found = [item["name"] for item in page["items"]]
    while page["next"]:
        page = client.get(f"/api/products?{more}&cursor={page['next']}").json
        found += [item["name"] for item in page["items"]]
    return found


@pytest.mark.parametrize("limit", [2, 100])
def test_names_are_sorted_by_the_alphabet_page_by_page(client: FlaskClient, limit: int) -> None:
    for number, name in enumerate(reversed(IN_ORDER)):
        put_on_shelf(f"P{number}", name=name)
    assert names(client, f"sort=name&limit={limit}") == IN_ORDER
    assert names(client, f"sort=-name&limit={limit}") == IN_ORDER[::-1]


def test_those_called_the_same_are_all_told_once(client: FlaskClient) -> None:
    for number in range(5):
        put_on_shelf(f"P{number}", name="Lamp")
    assert names(client, "sort=name&limit=2") == ["Lamp"] * 5


def test_a_key_has_an_end_whatever_the_name(client: FlaskClient) -> None:
    put_on_shelf("LONG", name="\ufdfa" * 200)
    assert len(sort_key("\ufdfa" * 200)) <= 902
    assert len(names(client, "sort=name")) == 1
