"""Categories: a tree that staff change and everybody sees."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from shop.catalogue.tables import CategoryRow, ProductRow
from tests.api.catalogue_data import count, put_on_shelf
from tests.api.clients import People, Person, ask, post, problem

PATH = "/api/categories"


def plant(sam: Person, *paths: str) -> dict[str, str]:
    """Makes them; their ids by their paths."""
    answers = [sam.post(PATH, {"path": path, "name": path.title()}) for path in paths]
    assert [answer.status_code for answer in answers] == [201] * len(paths)
    return {answer.json["path"]: answer.json["id"] for answer in answers}


def paths(client: FlaskClient) -> list[str]:
    return [row["path"] for row in client.get(PATH).json["items"]]


def test_staff_make_a_category_and_everybody_sees_it(client: FlaskClient, sam: Person) -> None:
    answer = sam.post(PATH, {"path": "garden", "name": "Garden"})
    assert (answer.status_code, answer.json["path"], answer.json["name"]) == (201, "garden", "Garden")
    assert client.get(answer.headers["Location"]).json == answer.json
    plant(sam, "garden/benches")
    assert paths(client) == ["garden", "garden/benches"]


def test_a_subtree_moves_with_all_that_is_in_it(client: FlaskClient, sam: Person) -> None:
    ids = plant(sam, "home", "outside", "home/garden", "home/garden/benches", "home/garden-gnomes")
    put_on_shelf("BENCH", category="home/garden/benches", slug="bench")
    answer = sam.ask("PATCH", f"{PATH}/{ids['home/garden']}", {"path": "outside/green"})
    assert (answer.status_code, answer.json["path"]) == (200, "outside/green")
    assert paths(client) == ["home", "home/garden-gnomes", "outside", "outside/green", "outside/green/benches"]
    assert client.get("/api/products/bench").json["category"] == "outside/green/benches"
    assert [item["slug"] for item in client.get("/api/products?category=outside").json["items"]] == ["bench"]
    assert client.get("/api/products?category=home").json["items"] == []


def test_only_the_name_changes_when_only_the_name_is_sent(client: FlaskClient, sam: Person) -> None:
    ids = plant(sam, "home", "home/garden")
    answer = sam.ask("PATCH", f"{PATH}/{ids['home']}", {"name": "At home"})
    assert answer.json == {"id": ids["home"], "path": "home", "name": "At home"}
    assert paths(client) == ["home", "home/garden"]


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("home/garden/deep", (409, "illegal_state")),  # below itself
        ("home/kitchen", (409, "path_taken")),
        ("nowhere/garden", (422, "validation_failed")),
        ("home/" + "x" * 250, (422, "validation_failed")),
        ("home/" + "x" * 245, (422, "validation_failed")),  # it would fit, what is below it would not
        ("home//x", (422, "validation_failed")),
        ("/home", (422, "validation_failed")),
        ("Home", (422, "validation_failed")),
        ("home/..", (422, "validation_failed")),
        ("home/a%", (422, "validation_failed")),
        ("", (422, "validation_failed")),
    ],
)
def test_where_it_can_not_go_it_does_not_go(
    client: FlaskClient, sam: Person, path: str, wanted: tuple[int, str]
) -> None:
    ids = plant(sam, "home", "home/garden", "home/kitchen", "home/garden/benches")
    before = paths(client)
    assert problem(sam.ask("PATCH", f"{PATH}/{ids['home/garden']}", {"path": path})) == wanted
    assert paths(client) == before


@pytest.mark.parametrize(
    ("wish", "wanted"),
    [
        ({"path": "home", "name": "x"}, (409, "path_taken")),
        ({"path": "a/b", "name": "x"}, (422, "validation_failed")),
        ({"path": "a", "name": ""}, (422, "validation_failed")),
        ({"path": "a", "name": "x\ny"}, (422, "validation_failed")),
        ({"path": "a"}, (422, "validation_failed")),
        ({"name": "a"}, (422, "validation_failed")),
        ({"path": "a", "name": "a", "id": "0199aaaa-0000-7000-8000-000000000000"}, (422, "validation_failed")),
        ({"path": ["a"], "name": "a"}, (422, "validation_failed")),
        ([], (422, "validation_failed")),
    ],
)
def test_a_bad_wish_makes_nothing(client: FlaskClient, sam: Person, wish: Any, wanted: tuple[int, str]) -> None:
    plant(sam, "home")
    assert problem(sam.post(PATH, wish)) == wanted
    assert paths(client) == ["home"]


def test_an_empty_change_is_422(sam: Person) -> None:
    ids = plant(sam, "home")
    assert problem(sam.ask("PATCH", f"{PATH}/{ids['home']}", {})) == (422, "validation_failed")


def test_an_empty_category_is_deleted_and_one_in_use_is_409(client: FlaskClient, sam: Person) -> None:
    ids = plant(sam, "home", "home/garden", "home/gar")
    put_on_shelf("BENCH", category="home/gar")
    for path in ("home", "home/gar"):
        assert problem(sam.ask("DELETE", f"{PATH}/{ids[path]}")) == (409, "category_in_use")
    assert sam.ask("DELETE", f"{PATH}/{ids['home/garden']}").status_code == 204
    assert problem(sam.ask("DELETE", f"{PATH}/{ids['home/garden']}")) == (404, "not_found")
    assert paths(client) == ["home", "home/gar"]
    assert count(ProductRow) == 1


def test_the_same_key_makes_one_category(client: FlaskClient, sam: Person) -> None:
    for _ in range(2):
        answer = sam.post(PATH, {"path": "home", "name": "Home"}, **{"Idempotency-Key": "home-1"})
        assert answer.status_code == 201
    assert paths(client) == ["home"]


def test_customers_and_strangers_change_nothing(app: Flask, client: FlaskClient, people: People, sam: Person) -> None:
    ada, ids = people.join(), plant(sam, "home")
    wishes = [
        ("POST", PATH, {"path": "evil", "name": "Evil"}),
        ("PATCH", f"{PATH}/{ids['home']}", {"name": "Evil"}),
        ("DELETE", f"{PATH}/{ids['home']}", None),
    ]
    for verb, path, body in wishes:
        assert problem(ada.ask(verb, path, body)) == (403, "forbidden")
        assert problem(ask(app, verb, path, body)) == (401, "unauthenticated")
    assert problem(post(app, PATH, {"path": "evil", "name": "Evil"}))[0] == 401
    assert client.get(f"{PATH}/{ids['home']}").json["name"] == "Home"
    assert count(CategoryRow) == 1
