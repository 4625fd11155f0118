"""An import changes what its file names, and nothing else: whatever a line does not say stays as it is."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.catalogue.test_imports import jsonl, line, result
from tests.api.clients import Person

CSV = "text/csv"
CHAIR = {
    "slug": "chair",
    "name": "Chair",
    "description": "To sit on.",
    "category": "furniture/chairs",
    "image_url": "https://img.example.com/a.jpg https://img.example.com/b.jpg",
    "tax_class": "reduced",
    "sku": "C-OAK",
    "variant_name": "Oak",
    "options": {"wood": "oak"},
    "price_cents": 4900,
    "price_USD": 5500,
    "on_hand": 3,
    "backorder": True,
    "backorder_limit": 7,
}
ROWS = (("chair", "C-OAK", 200), ("nobody", "N-1", 300))
ASH = {**CHAIR, "sku": "C-ASH", "variant_name": "Ash", "options": {"wood": "ash"}}


@pytest.fixture
def chair(sam: Person) -> dict[str, Any]:
    """As it is told before the file that changes it."""
    assert result(sam, jsonl(CHAIR, ASH))["imported"] == 2
    return told(sam)


def told(sam: Person, slug: str = "chair") -> dict[str, Any]:
    found: dict[str, Any] = sam.get(f"/api/products/{slug}").json
    return {name: value for name, value in found.items() if name != "updated_at"}


def repriced(chair: dict[str, Any], *prices: int) -> dict[str, Any]:
    variants = [
        variant | {"price": {"amount": price, "currency": "EUR"}}
        for variant, price in zip(chair["variants"], prices, strict=True)
    ]
    return chair | {"variants": variants}


def test_a_file_of_prices_changes_prices_alone(sam: Person, chair: dict[str, Any]) -> None:
    text = "slug,name,sku,price_cents\nchair,Chair,C-ASH,100\nchair,Chair,C-OAK,200\n"
    assert result(sam, text, CSV)["imported"] == 2
    assert told(sam) == repriced(chair, 200, 100)


def test_a_line_of_json_changes_what_it_names(sam: Person, chair: dict[str, Any]) -> None:
    short = {"slug": "chair", "name": "Chair", "sku": "C-OAK", "price_cents": 200}
    assert result(sam, jsonl(short))["imported"] == 1
    assert told(sam) == repriced(chair, 200, 4900)


@pytest.mark.parametrize("kind", [CSV, "application/x-ndjson"])
def test_what_is_there_needs_neither_its_name_nor_its_price_again(
    sam: Person, chair: dict[str, Any], kind: str
) -> None:
    text = "slug,sku,price_cents\nchair,C-OAK,200\nnobody,N-1,300\n"
    if kind != CSV:
        text = jsonl(*({"slug": slug, "sku": sku, "price_cents": n} for slug, sku, n in ROWS))
    told_of = result(sam, text, kind)
    assert [one["errors"] for one in told_of["errors"]] == [{"name": "Missing data for required field."}]
    assert told(sam) == repriced(chair, 200, 4900)
    told_of = result(sam, "slug,sku,tax_class\nchair,C-ASH,\nchair,C-ELM,\n", CSV)
    assert [one["errors"] for one in told_of["errors"]] == [
        {"price_cents": "A SKU that is new needs its price in EUR."}
    ]
    assert told(sam) == repriced(chair, 200, 4900) | {"tax_class": "standard"}
    assert sam.get("/api/products/nobody").status_code == 404


def test_a_line_that_says_less_than_the_one_above_takes_nothing_back(sam: Person, chair: dict[str, Any]) -> None:
    second = {"slug": "chair", "sku": "C-ASH", "price_cents": 4900}
    assert result(sam, jsonl(CHAIR | {"description": "New."}, second))["imported"] == 2
    assert told(sam) == chair | {"description": "New."}


def test_an_empty_cell_empties_where_its_column_is_there(sam: Person, chair: dict[str, Any]) -> None:
    head = "slug,name,description,category,image_url,tax_class,sku,variant_name,options,price_cents,price_USD,backorder"
    assert result(sam, f"{head}\nchair,Chair,,,,,C-OAK,,,4900,,\n", CSV)["imported"] == 1
    now = told(sam)
    emptied = {"description": "", "category": None, "images": [], "tax_class": "standard"}
    assert now == chair | emptied | {"variants": now["variants"]}
    assert now["variants"] == [chair["variants"][0] | {"name": "Chair", "options": {}}, chair["variants"][1]]


def test_null_and_nothing_empty_in_json(sam: Person, chair: dict[str, Any]) -> None:
    bare = {"description": "", "category": None, "image_url": [], "options": {}, "price_USD": None, "backorder": None}
    assert result(sam, jsonl(CHAIR | bare))["imported"] == 1
    now = told(sam)
    assert (now["description"], now["category"], now["images"]) == ("", None, [])
    assert now["variants"][0] == chair["variants"][0] | {"options": {}}


@pytest.mark.parametrize("page", [1, 500])
def test_texts_may_stand_in_a_products_first_line_only(sam: Person, page: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shop.import_export.imports.PAGE", page)
    head = "slug,name,description,category,image_url,tax_class,sku,price_cents\n"
    first = "bench,Bench,To rest.,garden,https://img.example.com/b.jpg,reduced,B-1,100\n"
    assert result(sam, head + first + "bench,,,,,,B-2,200\n", CSV)["imported"] == 2
    bench = told(sam, "bench")
    assert (bench["name"], bench["description"], bench["category"]) == ("Bench", "To rest.", "garden")
    assert (bench["images"], bench["tax_class"]) == (["https://img.example.com/b.jpg"], "reduced")
    assert [(v["sku"], v["name"]) for v in bench["variants"]] == [("B-1", "Bench"), ("B-2", "Bench")]


@pytest.mark.parametrize("page", [1, 500])
def test_a_product_whose_first_line_was_refused_is_not_made_without_its_name(
    sam: Person, page: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shop.import_export.imports.PAGE", page)
    told_of = result(sam, "slug,name,sku,price_cents\nbench,Bench,B-1,-1\nbench,,B-2,200\n", CSV)
    assert told_of["errors"] == [
        {"line": 2, "errors": {"price_cents": "Must be a whole number."}},
        {"line": 3, "errors": {"name": "Missing data for required field."}},
    ]
    assert sam.get("/api/products/bench").status_code == 404


@pytest.mark.parametrize("page", [1, 500])
def test_a_product_whose_named_line_lacks_its_price_is_not_made_by_the_lines_below(
    sam: Person, page: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shop.import_export.imports.PAGE", page)
    lines = "new-chair,New chair,A-1,\nnew-chair,,A-2,1999\nnew-chair,,A-3,\nlamp,Lamp,L-1,500\n"
    told_of = result(sam, "slug,name,sku,price_cents\n" + lines, CSV)
    unpriced, unnamed = "A SKU that is new needs its price in EUR.", "Missing data for required field."
    assert told_of["errors"] == [
        {"line": 2, "errors": {"price_cents": unpriced}},
        {"line": 3, "errors": {"name": unnamed}},
        {"line": 4, "errors": {"name": unnamed, "price_cents": unpriced}},
    ]
    assert (told_of["imported"], told_of["failed"]) == (1, 3)
    assert sam.get("/api/products/new-chair").status_code == 404


def test_what_is_said_of_backorders_stays_where_the_file_says_less(sam: Person, chair: dict[str, Any]) -> None:
    assert [v["backorder_limit"] for v in chair["variants"]] == [7, 7]
    text = "slug,name,sku,price_cents,backorder\nchair,Chair,C-OAK,4900,true\nchair,Chair,C-ASH,4900,\n"
    assert result(sam, text, CSV)["imported"] == 2
    assert told(sam) == chair
    limits = "slug,name,sku,price_cents,backorder_limit\nchair,Chair,C-OAK,4900,\nchair,Chair,C-ASH,4900,2\n"
    assert result(sam, limits, CSV)["imported"] == 2
    assert [v["backorder_limit"] for v in told(sam)["variants"]] == [7, 2]
    both = "slug,name,sku,price_cents,backorder,backorder_limit\n"
    both += "chair,Chair,C-OAK,4900,true,\nchair,Chair,C-ASH,1,false,\n"
    assert result(sam, both, CSV)["imported"] == 2
    assert [(v["backorder"], v["backorder_limit"]) for v in told(sam)["variants"]] == [(True, None), (False, None)]


def test_status_and_active_are_columns_and_without_them_nothing_comes_back(sam: Person, chair: dict[str, Any]) -> None:
    head = "slug,name,sku,price_cents"
    assert result(sam, f"{head},active\nchair,Chair,C-OAK,4900,false\n", CSV)["imported"] == 1
    assert [v["sku"] for v in told(sam)["variants"]] == ["C-ASH"]
    assert result(sam, f"{head},status\nchair,Chair,C-OAK,1,archived\n", CSV)["imported"] == 1
    assert sam.get("/api/products/chair").status_code == 404
    assert result(sam, f"{head}\nchair,Chair,C-OAK,4900\n", CSV)["imported"] == 1
    assert sam.get("/api/products/chair").status_code == 404
    back = f"{head},status,active\nchair,Chair,C-OAK,4900,active,TRUE\n"
    assert result(sam, back, CSV)["imported"] == 1
    assert told(sam) == chair


def test_a_variant_keeps_its_place_and_a_new_one_comes_behind(sam: Person, chair: dict[str, Any]) -> None:
    lines = [CHAIR | {"sku": "C-ELM"}, ASH, CHAIR]
    assert result(sam, jsonl(*lines))["imported"] == 3
    assert [v["sku"] for v in told(sam)["variants"]] == ["C-OAK", "C-ASH", "C-ELM"]


@pytest.mark.parametrize("page", [1, 500])
def test_a_sku_that_stands_twice_in_a_file_is_an_error_of_its_line(
    sam: Person, page: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shop.import_export.imports.PAGE", page)
    for text, kind, first in (
        (jsonl(line("A"), line("B"), line("A", price_cents=1)), "application/x-ndjson", 1),
        ("slug,name,sku,price_cents\na,A,A,1000\nb,B,B,1000\na,A,A,1\n", CSV, 2),
    ):
        told_of = result(sam, text, kind)
        assert told_of["errors"] == [{"line": first + 2, "errors": {"sku": f"Stands in line {first} already."}}]
        assert told(sam, "a")["variants"][0]["price"]["amount"] == 1000
