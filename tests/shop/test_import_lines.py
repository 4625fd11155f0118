"""One line of an import, as CSV and as JSON; and cells that a spreadsheet must not run."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.import_export.formula_escaping import defused, plain
from shop.import_export.import_rows import BadLine, column_of, read_cells, read_text
from shop.import_export.uploads import Format, read
from shop.kernel.errors import Invalid

GOOD: dict[str, Any] = {"slug": "bench", "name": "Bench", "sku": "BENCH-OAK", "price_cents": 4900}
FULL = GOOD | {
    "description": "To sit on.\nFor two.",
    "category": "garden/benches",
    "image_url": "https://img.example.com/a.jpg https://img.example.com/b.jpg",
    "variant_name": "Oak",
    "options": {"wood": "oak"},
    "currency": "EUR",
    "on_hand": 7,
    "backorder": True,
    "backorder_limit": 3,
}


def as_cells(line: dict[str, Any]) -> dict[str, Any]:
    cells = [json.dumps(value) if isinstance(value, dict) else str(value) for value in line.values()]
    return read_cells(list(line), cells)


def test_a_line_says_the_same_in_csv_and_in_json() -> None:
    told = FULL | {"prices": {}}
    assert as_cells(FULL) == read_text(json.dumps(FULL)) == told
    listed = FULL | {"image_url": FULL["image_url"].split()}
    assert read_text(json.dumps(listed)) == told


def test_prices_in_other_currencies_are_columns_of_their_own() -> None:
    line = GOOD | {"price_USD": 5500, "price_JPY": 0}
    assert as_cells(line)["prices"] == read_text(json.dumps(line))["prices"] == {"USD": 5500, "JPY": 0}
    assert as_cells(GOOD | {"price_USD": " "})["prices"] == {}, "nothing is said"
    for bad in ({"price_EUR": 1}, {"price_XXX": 1}, {"price_usd": 1}, {"price_USD": "1.5"}, {"price_USD": -1}):
        with pytest.raises(BadLine) as said:
            read_text(json.dumps(GOOD | bad))
        assert list(said.value.errors) == list(bad)


def test_a_line_says_what_it_names_and_empties_what_it_leaves_empty() -> None:
    wanted = GOOD | {"prices": {}}
    assert as_cells(GOOD) == read_text(json.dumps(GOOD)) == wanted
    emptied = GOOD | {"category": None, "options": {}, "on_hand": None}
    assert read_text(json.dumps(emptied)) == wanted | {"category": None, "options": {}}
    assert read_cells([*GOOD, "category", "on_hand"], ["bench", "Bench", "BENCH-OAK", "4900", " ", ""]) == wanted | {
        "category": None
    }


def test_below_the_first_line_of_a_product_its_empty_cells_say_nothing() -> None:
    cells = {"slug": "bench", "name": "", "sku": "B", "price_cents": "1", "description": "", "options": ""}
    row = read_cells(list(cells), list(cells.values()), below=True)
    assert row == {"slug": "bench", "sku": "B", "price_cents": 1, "options": {}, "prices": {}}
    row = read_cells(list(cells), list(cells.values()))
    assert row == {"slug": "bench", "sku": "B", "price_cents": 1, "description": "", "options": {}, "prices": {}}


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("slug", "Bench"),
        ("slug", "export"),
        ("name", "x" * 201),
        ("name", "two\nlines"),
        ("description", "x" * 10_001),
        ("category", "/garden"),
        ("category", "Garden"),
        ("image_url", "http://img.example.com/a.jpg"),
        ("image_url", "https://127.0.0.1/a.jpg"),
        ("sku", "a b"),
        ("sku", "=1+1"),
        ("options", "[1]"),
        ("options", "{"),
        ("options", '{"a": 1}'),
        ("options", '{"a": "b", "a": "c"}'),
        ("price_cents", "-1"),
        ("price_cents", "19.99"),
        ("price_cents", "1e3"),
        ("price_cents", str(10**12 + 1)),
        ("price_cents", "9" * 40),
        ("price_cents", "\u0661"),
        ("currency", "USD"),
        ("on_hand", "-1"),
        ("on_hand", "many"),
        ("backorder", "yes"),
        ("backorder_limit", "-1"),
        ("backorder_limit", str(10**9)),
        ("on_hand", str(10**9 + 1)),
        ("tax_class", "Reduced!"),
        ("status", "draft"),
        ("active", "1"),
    ],
)
def test_a_bad_column_is_named(column: str, value: str) -> None:
    for reading in (as_cells, lambda line: read_text(json.dumps(line))):
        with pytest.raises(BadLine) as bad:
            reading(GOOD | {column: value})
        assert list(bad.value.errors) == [column]


@pytest.mark.parametrize(
    ("written", "column"),
    [("Slug", "slug"), ("PRICE_CENTS", "price_cents"), ("price_usd", "price_USD"), ("Preis", "preis")],
)
def test_a_column_has_its_name_whatever_its_case(written: str, column: str) -> None:
    assert column_of(written) == column


@pytest.mark.parametrize("value", [1.5, True, [1], {"a": 1}, "\ud800", "a\0b"])
@pytest.mark.parametrize("column", ["slug", "name", "sku", "price_cents", "currency", "on_hand"])
def test_a_value_of_another_kind_is_named(column: str, value: Any) -> None:
    with pytest.raises(BadLine) as bad:
        read_text(json.dumps(GOOD | {column: value}))
    assert list(bad.value.errors) == [column]


@pytest.mark.parametrize(
    "text",
    ["", "x", "1", "[]", "null", '{"slug": 1', "[" * 100_000, '{"slug": "a", "slug": "b"}', '"' + "x" * 10_000 + '"'],
)
def test_what_is_no_object_is_said_of_the_line(text: str) -> None:
    with pytest.raises(BadLine) as bad:
        read_text(text)
    assert bad.value.errors == {"line": "Is not a JSON object."}


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(BadLine) as bad:
        read_text('{"slug": "A", "price": 1}')
    assert list(bad.value.errors) == ["price", "sku", "slug"]


@given(st.text())
def test_a_defused_cell_comes_back_and_never_begins_dangerously(cell: str) -> None:
    assert plain(defused(cell)) == cell
    assert not defused(cell).startswith(("=", "+", "-", "@", "\t", "\r"))


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "'=1", "\uff1d1"])
def test_dangerous_cells_get_an_apostrophe(cell: str) -> None:
    assert defused(cell) == f"'{cell}"


def test_lines_are_numbered_as_in_the_file() -> None:
    csv = b'\xef\xbb\xbfslug,name,sku,price_cents\r\n\r\na,"two\nlines",A,1\r\na,c,A,1\r\n'
    upload = read(Format.CSV, csv, None, "EUR")
    assert upload.columns == ["slug", "name", "sku", "price_cents"]
    again = {"below": True, "errors": {"sku": "Stands in line 3 already."}}
    assert upload.lines == [(3, ["a", "two\nlines", "A", "1"], {}), (5, ["a", "c", "A", "1"], again)]
    jsonl = b'{}\n\n{"a":"\xe2\x80\xa8"}\r\n'
    assert read(Format.JSONL, jsonl, None, "EUR").lines == [(1, "{}", {}), (3, '{"a":"\u2028"}\r', {})]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"slug,name,sku,price_cents",
        b"slug,name,sku\na,b,c",
        b"slug,slug,name,sku,price_cents\na,a,b,c,1",
        b"slug,name,sku,price_cents,vendor\na,b,c,1,x",
        b"slug:name:sku:price_cents\na:b:c:1",
        b'slug,name,sku,price_cents\na,"b"x,c,1',
        b'slug,name,sku,price_cents\na,"b,c,1',
        b"slug,name,sku,price_cents\na,b\x00,c,1",
        b"slug,name,sku,price_cents\na,\x81,c,1",
        b"slug,name,sku,price_cents\na," + b"x" * 200_000 + b",c,1",
    ],
)
def test_what_is_no_file_of_lines_is_refused_whole(body: bytes) -> None:
    with pytest.raises(Invalid):
        read(Format.CSV, body, None, "EUR")
