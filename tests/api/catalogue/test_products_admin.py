"""Keeping the catalogue: made, edited from the newest version only, archived and never deleted."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from shop.catalogue.tables import ProductRow, VariantRow
from tests.api.catalogue_data import count, put_on_shelf, shelf
from tests.api.clients import People, Person, ask, problem
from tests.api.http.test_foreign_ids import everything

PATH = "/api/products"
PRICE = {"amount": 4900, "currency": "EUR"}
VARIANT = {"sku": "BENCH-OAK", "name": "Oak", "options": {"wood": "oak"}, "price": PRICE}
NONE_LEFT = {"available": 0, "backorder": False, "backorder_limit": None}
BENCH = {"slug": "bench", "name": "Bench", "description": "To sit on", "images": ["https://img.example.com/b.jpg"]}


@pytest.fixture
def bench(sam: Person) -> TestResponse:
    answer = sam.post(PATH, BENCH | {"variants": [VARIANT]})
    assert answer.status_code == 201, answer.text
    return answer


def edit(sam: Person, answer: TestResponse, changes: Any, verb: str = "PATCH") -> TestResponse:
    """From the version that this answer showed."""
    path = f"{PATH}/{answer.json['id']}"
    return sam.ask(verb, path, changes, **{"If-Match": answer.headers["ETag"]})


def test_a_product_is_made_with_its_variants_and_everybody_sees_it(
    client: FlaskClient, sam: Person, bench: TestResponse
) -> None:
    seen = client.get(bench.headers["Location"])
    assert seen.json == bench.json == client.get(f"{PATH}/bench").json
    assert seen.headers["ETag"] == bench.headers["ETag"]
    assert seen.json["variants"] == [VARIANT | {"prices": []} | NONE_LEFT]
    assert {name: seen.json[name] for name in BENCH} == BENCH
    assert (seen.json["category"], seen.json["status"]) == (None, "active")
    [found] = client.get(f"{PATH}?q=bench").json["items"]
    assert found == seen.json


def test_its_sku_can_be_stocked_and_bought(people: People, sam: Person, bench: TestResponse) -> None:
    sam.post("/api/stock/BENCH-OAK/movements", {"kind": "receive", "quantity": 3})
    assert shelf("BENCH-OAK") == (3, 0)
    ada = people.join()
    assert ada.post("/api/cart/me", {"sku": "BENCH-OAK", "quantity": 1}).json["subtotal"] == PRICE


def test_an_edit_changes_what_it_names_and_the_search_knows_at_once(
    client: FlaskClient, sam: Person, bench: TestResponse
) -> None:
    sam.post("/api/categories", {"path": "garden", "name": "Garden"})
    changes = {"name": "Settle", "slug": "settle", "category": "garden"}
    answer = edit(sam, bench, changes)
    assert answer.status_code == 200, answer.text
    assert {name: answer.json[name] for name in changes} == changes
    assert answer.json["description"] == "To sit on"
    assert answer.json["updated_at"] >= bench.json["updated_at"]
    assert [item["id"] for item in client.get(f"{PATH}?q=settle&category=garden").json["items"]] == [bench.json["id"]]
    assert client.get(f"{PATH}?q=bench-oa").json["items"][0]["slug"] == "settle"
    assert problem(client.get(f"{PATH}/bench")) == (404, "not_found")
    assert edit(sam, answer, {"category": None}).json["category"] is None


def test_an_edit_without_if_match_is_428_and_one_from_an_old_version_412(sam: Person, bench: TestResponse) -> None:
    path = f"{PATH}/{bench.json['id']}"
    assert problem(sam.ask("PATCH", path, {"name": "A"})) == (428, "precondition_required")
    assert problem(sam.ask("DELETE", path)) == (428, "precondition_required")
    assert edit(sam, bench, {"name": "B"}).status_code == 200
    assert problem(edit(sam, bench, {"name": "C"})) == (412, "stale")
    assert problem(edit(sam, bench, None, "DELETE")) == (412, "stale")
    for tag in ("x", '"x"', '""', '"1"', "W/", '"0.0", "7.a"'):
        assert problem(sam.ask("PATCH", path, {"name": "D"}, **{"If-Match": tag})) == (412, "stale"), tag
    seen = sam.get(path)
    assert (seen.json["name"], seen.json["status"]) == ("B", "active")
    weakened = {"If-Match": "W/" + seen.headers["ETag"]}  # by a proxy that compresses
    assert sam.ask("PATCH", path, {"name": "E"}, **weakened).status_code == 200
    assert sam.ask("PATCH", path, {"name": "F"}, **{"If-Match": "*"}).json["name"] == "F"


def test_a_sale_in_the_meantime_is_no_edit(sam: Person, bench: TestResponse) -> None:
    sam.post("/api/stock/BENCH-OAK/movements", {"kind": "receive", "quantity": 3})
    assert sam.get(f"{PATH}/bench").headers["ETag"] != bench.headers["ETag"]
    assert edit(sam, bench, {"name": "B"}).status_code == 200


def test_a_variants_edit_makes_the_products_older_versions_stale(sam: Person, bench: TestResponse) -> None:
    path = f"{PATH}/{bench.json['id']}/variants/BENCH-OAK"
    assert sam.ask("PATCH", path, {"price": {"amount": 5000, "currency": "EUR"}}).status_code == 200
    assert problem(edit(sam, bench, {"name": "B"})) == (412, "stale")
    old = {"If-Match": bench.headers["ETag"]}
    assert problem(sam.ask("PATCH", path, {"name": "C"}, **old)) == (412, "stale")
    assert problem(sam.ask("DELETE", path, **old)) == (412, "stale")
    assert problem(sam.post(f"{PATH}/bench/variants", VARIANT | {"sku": "B2"}, **old)) == (412, "stale")
    [variant] = sam.get(f"{PATH}/bench").json["variants"]
    assert variant == VARIANT | {"price": {"amount": 5000, "currency": "EUR"}, "prices": []} | NONE_LEFT


def test_variants_are_added_changed_retired_and_brought_back(sam: Person, bench: TestResponse) -> None:
    path = f"{PATH}/{bench.json['id']}/variants"
    added = sam.post(path, {"sku": "BENCH-ASH", "name": "Ash", "price": {"amount": 1, "currency": "EUR"}})
    assert (added.status_code, [v["sku"] for v in added.json["variants"]]) == (201, ["BENCH-OAK", "BENCH-ASH"])
    changed = sam.ask("PATCH", f"{path}/BENCH-ASH", {"name": "Old ash", "options": {"wood": "ash"}})
    assert [v["name"] for v in changed.json["variants"]] == ["Oak", "Old ash"]
    assert sam.ask("DELETE", f"{path}/BENCH-OAK").status_code == 204
    assert [v["sku"] for v in sam.get(f"{PATH}/bench").json["variants"]] == ["BENCH-ASH"]
    assert problem(sam.post(path, VARIANT)) == (409, "sku_taken")
    back = sam.ask("PATCH", f"{path}/BENCH-OAK", {"active": True})
    assert [v["sku"] for v in back.json["variants"]] == ["BENCH-OAK", "BENCH-ASH"]


def test_what_is_archived_is_not_found_not_sold_and_not_gone(
    client: FlaskClient, people: People, sam: Person, bench: TestResponse
) -> None:
    sam.post("/api/stock/BENCH-OAK/movements", {"kind": "receive", "quantity": 3})
    ada = people.join()
    ada.post("/api/cart/me", {"sku": "BENCH-OAK", "quantity": 1})
    gone = edit(sam, bench, None, "DELETE")
    assert gone.status_code == 204
    assert problem(client.get(f"{PATH}/bench")) == (404, "not_found")
    assert client.get(f"{PATH}?q=bench").json["items"] == []
    assert problem(ada.post("/api/cart/me", {"sku": "BENCH-OAK", "quantity": 1})) == (404, "not_found")
    assert [p["code"] for p in ada.get("/api/cart/me").json["problems"]] == ["archived"]
    assert (shelf("BENCH-OAK"), count(VariantRow)) == ((3, 0), 1)
    path = f"{PATH}/{bench.json['id']}"
    assert sam.ask("PATCH", path, {"status": "active"}, **{"If-Match": gone.headers["ETag"]}).status_code == 200
    assert client.get(f"{PATH}/bench").json["variants"][0]["available"] == 3


def test_what_is_archived_is_listed_for_staff_alone(
    client: FlaskClient, people: People, sam: Person, bench: TestResponse
) -> None:
    put_on_shelf("CHAIR")
    edit(sam, bench, None, "DELETE")
    archived = f"{PATH}?status=archived"
    assert [(item["slug"], item["status"]) for item in sam.get(archived).json["items"]] == [("bench", "archived")]
    assert [item["slug"] for item in sam.get(PATH).json["items"]] == ["chair"]
    assert problem(people.join().get(archived)) == (403, "forbidden")
    assert problem(client.get(archived)) == (401, "unauthenticated")
    assert problem(sam.get(f"{PATH}?status=all")) == (422, "validation_failed")


def test_staff_find_what_has_no_variant_to_sell(sam: Person, people: People) -> None:
    put_on_shelf("CHAIR")
    assert sam.post(PATH, {"slug": "idea", "name": "An Idea"}).status_code == 201
    incomplete = f"{PATH}?status=incomplete"
    for query in ("", "&q=idea", "&sort=price"):
        found = sam.get(incomplete + query).json
        assert [(item["slug"], item["variants"]) for item in found["items"]] == [("idea", [])]
    for query in ("&q=chair", "&in_stock=true", "&min_price=0"):
        assert sam.get(incomplete + query).json["items"] == []
    assert problem(people.join().get(incomplete)) == (403, "forbidden")
    assert [item["slug"] for item in sam.get(PATH).json["items"]] == ["chair"]


def test_a_slug_or_a_sku_that_is_taken_is_409_and_changes_nothing(sam: Person, bench: TestResponse) -> None:
    put_on_shelf("CHAIR")
    chair = sam.get(f"{PATH}/chair")
    before = everything()
    assert problem(sam.post(PATH, BENCH)) == (409, "slug_taken")
    assert problem(sam.post(PATH, BENCH | {"slug": "b", "variants": [VARIANT]})) == (409, "sku_taken")
    twice = [VARIANT | {"sku": "NEW"}] * 2
    assert problem(sam.post(PATH, BENCH | {"slug": "b", "variants": twice})) == (422, "validation_failed")
    assert problem(edit(sam, chair, {"slug": "bench", "name": "x"})) == (409, "slug_taken")
    assert problem(sam.post(f"{PATH}/chair/variants", VARIANT)) == (409, "sku_taken")
    assert everything() == before
    for verb in ("PATCH", "DELETE"):  # nobody reaches a SKU by way of another product
        answer = sam.ask(verb, f"{PATH}/chair/variants/BENCH-OAK", {"name": "x"} if verb == "PATCH" else None)
        assert problem(answer) == (404, "not_found")
    assert everything() == before


BAD = [
    {"slug": "Bench"},
    {"slug": "a--b"},
    {"slug": "-a"},
    {"slug": "a/b"},
    {"slug": ""},
    {"slug": "x" * 121},
    {"slug": "export"},
    {"slug": "0199aaaa-0000-7000-8000-000000000000"},
    {"slug": "bench\n"},
    {"slug": 1},
    {"name": ""},
    {"name": "two\nlines"},
    {"name": "x" * 201},
    {"name": None},
    {"description": "x" * 10_001},
    {"category": "nowhere"},
    {"category": "../etc"},
    {"images": "https://img.example.com/b.jpg"},
    {"images": ["http://img.example.com/b.jpg"]},
    {"images": ["javascript:alert(1)"]},
    {"images": ["data:image/png;base64,AAAA"]},
    {"images": ["//img.example.com/b.jpg"]},
    {"images": ["https://"]},
    {"images": ["https://localhost/b.jpg"]},
    {"images": ["https://127.0.0.1/b.jpg"]},
    {"images": ["https://169.254.169.254/latest/meta-data"]},
    {"images": ["https://[::1]/b.jpg"]},
    {"images": ["https://[::ffff:127.0.0.1]/b.jpg"]},
    {"images": ["https://2130706433/b.jpg"]},
    {"images": ["https://0x7f.1/b.jpg"]},
    {"images": ["https://user:pw@img.example.com/b.jpg"]},
    {"images": ['https://img.example.com/b.jpg" onerror="x']},
    {"images": ["https://img.example.com/ b.jpg"]},
    {"images": ["https://img.example.com:99999/b.jpg"]},
    {"images": ["https://[img/b.jpg"]},
    {"images": [f"https://img.example.com/{number}" for number in range(21)]},
    {"version": 7},
    {"id": "0199aaaa-0000-7000-8000-000000000000"},
    {"created_at": "2020-01-01T00:00:00Z"},
    {"price": PRICE},
]


@pytest.mark.parametrize("bad", BAD, ids=str)
def test_a_bad_field_is_422_in_a_new_product_and_in_an_edit(
    sam: Person, bench: TestResponse, bad: dict[str, Any]
) -> None:
    before = everything()
    for answer in (sam.post(PATH, BENCH | {"slug": "other"} | bad), edit(sam, bench, bad)):
        assert problem(answer) == (422, "validation_failed"), answer.text
        assert [name.split(".")[0] for name in answer.json["errors"]] == list(bad)
    assert everything() == before


@pytest.mark.parametrize("bad", [{}, {"status": "deleted"}, {"status": None}, {"variants": []}], ids=str)
def test_a_bad_edit_changes_nothing(sam: Person, bench: TestResponse, bad: dict[str, Any]) -> None:
    before = everything()
    assert problem(edit(sam, bench, bad)) == (422, "validation_failed")
    assert everything() == before


@pytest.mark.parametrize(
    "bad",
    [
        {"sku": "a/b"},
        {"sku": "a b"},
        {"sku": "=1+1"},
        {"sku": "x" * 65},
        {"sku": ""},
        {"sku": ".."},
        {"name": ""},
        {"options": {"a": 1}},
        {"options": {"a": ""}},
        {"options": {"": "a"}},
        {"options": {"a": {"b": "c"}}},
        {"options": ["a"]},
        {"options": {str(number): "x" for number in range(11)}},
        {"price": 4900},
        {"price": {"amount": -1, "currency": "EUR"}},
        {"price": {"amount": 1.5, "currency": "EUR"}},
        {"price": {"amount": "1e3", "currency": "EUR"}},
        {"price": {"amount": True, "currency": "EUR"}},
        {"price": {"amount": 10**30, "currency": "EUR"}},
        {"price": {"amount": 1}},
        {"price": {"amount": 1, "currency": "USD"}},
        {"price": {"amount": 1, "currency": "eur"}},
        {"prices": [{"amount": 1, "currency": "EUR"}]},
        {"prices": [{"amount": 1, "currency": "XXX"}]},
        {"prices": [{"amount": 1, "currency": "USD"}] * 2},
        {"prices": {"USD": 1}},
        {"available": 5},
        {"backorder": 1},
        {"backorder_limit": 0},
        {"backorder_limit": None},
        {"backorder_limit": 10**9},
        {"backorder": False, "backorder_limit": 3},
        {"product_id": "x"},
        {"position": 1},
    ],
    ids=str,
)
def test_a_bad_variant_is_422_however_it_comes(sam: Person, bench: TestResponse, bad: dict[str, Any]) -> None:
    before = everything()
    path = f"{PATH}/{bench.json['id']}/variants"
    wishes = [
        sam.post(path, VARIANT | {"sku": "OTHER"} | bad),
        sam.post(PATH, BENCH | {"slug": "other", "variants": [VARIANT | {"sku": "OTHER"} | bad]}),
        sam.ask("PATCH", f"{path}/BENCH-OAK", bad),
    ]
    for answer in wishes:
        assert problem(answer) == (422, "validation_failed"), answer.text
    assert everything() == before


def test_what_is_not_there_can_not_be_edited(sam: Person, bench: TestResponse) -> None:
    before = everything()
    any_version = {"If-Match": "*"}
    for id in ("nothing", "%27", "0199aaaa-0000-7000-8000-000000000000"):
        assert problem(sam.ask("PATCH", f"{PATH}/{id}", {"name": "x"}, **any_version)) == (404, "not_found")
        assert problem(sam.ask("DELETE", f"{PATH}/{id}", **any_version)) == (404, "not_found")
        assert problem(sam.post(f"{PATH}/{id}/variants", VARIANT)) == (404, "not_found")
    assert problem(sam.ask("DELETE", f"{PATH}/bench/variants/NOTHING")) == (404, "not_found")
    assert everything() == before


def test_of_many_who_edit_the_same_version_at_once_one_does(sam: Person, bench: TestResponse) -> None:
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda number: edit(sam, bench, {"name": f"Name {number}"}), range(6)))
    assert sorted(answer.status_code for answer in answers) == [200, *[412] * 5]
    [won] = [answer.json["name"] for answer in answers if answer.status_code == 200]
    assert sam.get(f"{PATH}/bench").json["name"] == won


def test_of_many_who_take_the_same_slug_or_sku_at_once_one_does(sam: Person) -> None:
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: sam.post(PATH, BENCH), range(6)))
        assert sorted(answer.status_code for answer in answers) == [201, *[409] * 5]
        answers = list(pool.map(lambda _: sam.post(f"{PATH}/bench/variants", VARIANT), range(6)))
        assert sorted(answer.status_code for answer in answers) == [201, *[409] * 5]
    assert (count(ProductRow), count(VariantRow)) == (1, 1)


def test_the_same_key_makes_one_product(sam: Person) -> None:
    answers = [sam.post(PATH, BENCH, **{"Idempotency-Key": "bench-1"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json == answers[1].json
    assert count(ProductRow) == 1


def test_customers_and_strangers_change_nothing(app: Flask, people: People, bench: TestResponse) -> None:
    ada = people.join()
    before = everything()
    any_version = {"If-Match": "*"}
    wishes: list[tuple[str, str, Any]] = [
        ("POST", PATH, BENCH | {"slug": "evil"}),
        ("PATCH", f"{PATH}/bench", {"name": "Evil"}),
        ("DELETE", f"{PATH}/bench", None),
        ("POST", f"{PATH}/bench/variants", VARIANT | {"sku": "EVIL"}),
        ("PATCH", f"{PATH}/bench/variants/BENCH-OAK", {"price": {"amount": 0, "currency": "EUR"}}),
        ("DELETE", f"{PATH}/bench/variants/BENCH-OAK", None),
    ]
    for verb, path, body in wishes:
        assert problem(ada.ask(verb, path, body, **any_version)) == (403, "forbidden")
        assert problem(ask(app, verb, path, body, any_version)) == (401, "unauthenticated")
    assert everything() == before


def test_the_document_says_that_edits_take_if_match_and_only_from_staff(client: FlaskClient) -> None:
    paths = client.get("/api/openapi.json").json["paths"]
    for verb in ("patch", "delete"):
        operation = paths["/api/products/{id}"][verb]
        assert "If-Match" in [one["name"] for one in operation["parameters"] if one["in"] == "header"]
        assert operation["security"] == [{"bearer": []}]
    assert "security" not in paths["/api/products/{id}"]["get"]
