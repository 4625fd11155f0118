"""Options of variants as filters and facets."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

import db
from shop.catalogue import products
from tests.api.catalogue_data import put_on_shelf
from tests.api.clients import Person, problem

SHELF: list[tuple[str, str, dict[str, str]]] = [
    ("SHIRT", "SHIRT-W-S", {"color": "White", "size": "S"}),
    ("SHIRT", "SHIRT-B-L", {"color": "Black", "size": "L"}),
    ("SOCKS", "SOCKS-W", {"Color": "white"}),
    ("HAT", "HAT-G", {"color": "Grün: dunkel"}),
    ("MUG", "MUG", {}),
]


@pytest.fixture(autouse=True)
def _shelf(client: FlaskClient) -> None:
    for product, sku, options in SHELF:
        put_on_shelf(sku, slug=product.lower(), name=product, options=options, category=None)


def found(client: FlaskClient, query: str) -> list[str]:
    answer = client.get(f"/api/products?sort=name&{query}")
    assert answer.status_code == 200, answer.text
    return [item["name"] for item in answer.json["items"]]


FOUND = {
    "option=color:white": ["SHIRT", "SOCKS"],
    "option=COLOR:WHITE": ["SHIRT", "SOCKS"],
    "option=color:black": ["SHIRT"],
    "option=color:white&option=color:grun:%20dunkel": ["HAT", "SHIRT", "SOCKS"],  # of one name: any of them
    "option=color:white&option=size:s": ["SHIRT"],  # of other names: all
    "option=color:white&option=size:L": [],  # of the same variant
    "option=color:white&option=color:black&option=size:L": ["SHIRT"],
    "option=color:red": [],
    "option=taste:sweet": [],
    "option=color:whi": [],
    "option=color:white&q=socks": ["SOCKS"],
    "option=color:white&in_stock=false": [],
    "option=color:white&max_price=1": [],
}


def test_options_filter(client: FlaskClient) -> None:
    assert {query: found(client, query) for query in FOUND} == FOUND


def facets(client: FlaskClient, query: str = "") -> dict[str, Any]:
    told = client.get(f"/api/products?{query}").json["facets"]["options"]
    return {one["name"]: {value["value"]: value["count"] for value in one["values"]} for one in told}


def test_facets_count_products_by_option(client: FlaskClient) -> None:
    assert facets(client) == {
        "Color": {"Black": 1, "Grün: dunkel": 1, "White": 2},
        "size": {"L": 1, "S": 1},
    }
    assert facets(client, "option=color:white") == {"Color": {"White": 2}, "size": {"S": 1}}
    assert facets(client, "q=shirt") == {"color": {"Black": 1, "White": 1}, "size": {"L": 1, "S": 1}}
    assert facets(client, "option=color:red") == {}


def test_an_edit_and_a_retired_variant_count_at_once(client: FlaskClient) -> None:
    with db.transaction() as session:
        shirt = products.hold(session, "shirt")
        products.edit_variant(session, shirt, "SHIRT-W-S", {"options": {"color": "Red"}})
        products.retire_variant(session, shirt, "SHIRT-B-L")
    assert found(client, "option=color:red") == ["SHIRT"]
    assert facets(client) == {"Color": {"Grün: dunkel": 1, "Red": 1, "white": 1}}


@pytest.mark.parametrize(
    "query",
    [
        "color=white",
        "option=white",
        "option=:white",
        "option=color:",
        "option=color:%20",
        "option=",
        "&".join(f"option=a{n}:b" for n in range(11)),
        "option=" + "x" * 202,
        "option[]=color:white",
        "optoin=color:white",
    ],
)
def test_what_can_not_be_meant_is_refused_and_never_ignored(client: FlaskClient, query: str) -> None:
    assert problem(client.get(f"/api/products?{query}")) == (422, "validation_failed")


def test_staff_filter_what_is_archived(client: FlaskClient, sam: Person) -> None:
    assert sam.ask("DELETE", "/api/products/socks", **{"If-Match": "*"}).status_code == 204
    assert found(client, "option=color:white") == ["SHIRT"]
    told = sam.get("/api/products?status=archived&option=color:white").json
    assert [item["slug"] for item in told["items"]] == ["socks"]


def test_the_document_tells_of_them(client: FlaskClient) -> None:
    parameters = client.get("/api/openapi.json").json["paths"]["/api/products"]["get"]["parameters"]
    [option] = [one for one in parameters if one.get("name") == "option"]
    assert (option["in"], option["schema"]["type"], option["explode"]) == ("query", "array", True)
