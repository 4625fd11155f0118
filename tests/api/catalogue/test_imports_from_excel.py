"""Files as Excel writes them are read as they come, or refused by naming what is wrong with them."""

from __future__ import annotations

from typing import Any

import pytest

from shop.import_export.imports import ImportRow
from tests.api.catalogue.test_imports import NDJSON, accepted, ended, upload
from tests.api.catalogue.test_imports_keep import told
from tests.api.catalogue_data import count
from tests.api.clients import Person, problem

CSV = "text/csv"
TEXT = (
    'slug,name,description,sku,price_cents\nstuhl,Stühle ß,"Zwei, ""große""\nZeilen",S-1,1900\ntisch,Tisch,,T-1,2900\n'
)

READ: dict[str, tuple[bytes, str]] = {
    "as we write it": (TEXT.encode(), CSV),
    "with a mark": (TEXT.encode("utf-8-sig"), CSV),
    "semicolons": (TEXT.replace(",", ";").encode(), CSV),
    "tabs": (TEXT.replace(",", "\t").encode(), CSV),
    "carriage returns": (TEXT.replace("\n", "\r\n").encode(), CSV),
    "utf-16": (TEXT.replace(",", "\t").encode("utf-16"), CSV),
    "windows-1252": (TEXT.replace(",", ";").encode("windows-1252"), CSV),
    "a charset that is said": (TEXT.encode("iso-8859-15"), f"{CSV}; charset=iso-8859-15"),
    "sep=": (b"sep=;\r\n" + TEXT.replace(",", ";").encode(), CSV),
    "capitals": (TEXT.replace("slug,name", "Slug,NAME").replace("price_cents", "Price_Cents").encode(), CSV),
    "empty columns": (TEXT.replace("price_cents\n", "price_cents,,\n").replace("900\n", "900,,\n").encode(), CSV),
    "empty lines": (TEXT.replace("tisch,", ",,,,\n\ntisch,").encode(), CSV),
}


@pytest.mark.parametrize("how", READ)
def test_it_is_read(sam: Person, how: str) -> None:
    job, id = accepted(upload(sam, *READ[how]))
    found = ended(sam, job)["result"]
    assert (found["imported"], found["failed"]) == (2, 0), found
    stuhl = told(sam, "stuhl")
    sign = {"semicolons": ";", "windows-1252": ";", "sep=": ";", "tabs": "\t", "utf-16": "\t"}.get(how, ",")
    newline = "\r\n" if how == "carriage returns" else "\n"
    assert (stuhl["name"], stuhl["description"]) == ("Stühle ß", f'Zwei{sign} "große"{newline}Zeilen')
    guessed = how == "windows-1252"
    assert ["read as windows-1252" in note["why"] for note in found["not_taken"]] == [True] * guessed
    assert sam.get(f"/api/products/imports/{id}").json["not_taken"] == found["not_taken"]


HEAD = b"slug,name,sku,price_cents\n"

REFUSED: dict[str, tuple[bytes, str, str]] = {
    "a workbook": (b"PK\x03\x04rest", CSV, "File > Save As > CSV UTF-8"),
    "an old workbook": (b"\xd0\xcf\x11\xe0\xa1\xb1", CSV, "an old Excel workbook"),
    "utf-16 without its mark": (HEAD.decode().encode("utf-16-le"), CSV, "UTF-16 without its mark"),
    "no text of any kind": (HEAD + b"a,\x81,A,1\n", CSV, "Is neither UTF-8 nor windows-1252"),
    "not what it says": (HEAD + b"a,\xff,A,1\n", f"{CSV}; charset=utf-8", "Is not UTF-8 at byte"),
    "a charset that nobody knows": (HEAD + b"a,A,A,1\n", f"{CSV}; charset=klingon", "Nobody knows the charset"),
    "a charset that is no text": (HEAD + b"a,A,A,1\n", f"{CSV}; charset=hex", "Is neither UTF-8 nor hex"),
    "other columns": (b"slug;titel;sku;preis\na;A;A;1\n", CSV, "(unknown: titel, preis)"),
    "no column of ours": (b"titel;preis\na;1\n", CSV, "missing: slug, sku; unknown: titel"),
    "a column twice": (b"slug,name,sku,price_cents,Name\na,x,A,1,y\n", CSV, "each once (twice: name)"),
    "nothing at all": (b"", CSV, "There is not a single line in it."),
    "a column without a name": (b"slug,,name,sku,price_cents\na,x,A,A,1\n", CSV, "unknown: (without a name)"),
    "json in latin": (b'{"slug": "\xe9"}', f"{NDJSON}; charset=utf-8", "Is not UTF-8 at byte"),
}


@pytest.mark.parametrize("why", REFUSED)
def test_it_is_refused_by_naming_the_reason(sam: Person, why: str) -> None:
    body, kind, said = REFUSED[why]
    refused = upload(sam, body, kind)
    assert problem(refused) == (422, "validation_failed")
    assert said in refused.json["errors"]["body"][0]
    assert count(ImportRow) == 0


def test_a_workbook_that_says_so_is_told_how_to_save_it(sam: Person) -> None:
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    refused = upload(sam, b"PK\x03\x04", kind)
    assert problem(refused) == (415, "unsupported_media_type")
    assert "CSV UTF-8" in refused.json["detail"]


SHORTENED = "A spreadsheet has shortened it to {}: format the column as text, enter it anew, save again."


@pytest.mark.parametrize(
    ("cells", "errors"),
    [
        ("a,A,1.23E+12,1", {"sku": SHORTENED.format("1.23E+12")}),
        ('a,A,"1,23E+12",1', {"sku": SHORTENED.format("1,23E+12")}),
        ('a,A,A,"19,00"', {"price_cents": "Must be a whole number."}),
        ("a,A,A,1,x", {"line": "Has 5 cells; there are 4 columns."}),
        ("a,A,A", {"line": "Has 3 cells; there are 4 columns."}),
    ],
)
def test_a_bad_line_is_named_and_the_others_are_taken(sam: Person, cells: str, errors: dict[str, Any]) -> None:
    job, _ = accepted(upload(sam, HEAD + f"{cells}\nb,B,B,1\n".encode(), CSV))
    found = ended(sam, job)["result"]
    assert found["errors"] == [{"line": 2, "errors": errors}]
    assert told(sam, "b")["name"] == "B"
