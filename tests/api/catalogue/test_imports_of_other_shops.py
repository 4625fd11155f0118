"""Product exports of Shopify and WooCommerce, read by name, with a report of what was not taken."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any

import pytest

from shop.import_export.imports import ImportRow
from tests.api.catalogue.test_imports import NDJSON, PATH, accepted, ended, jsonl, line, result
from tests.api.catalogue.test_imports_keep import told
from tests.api.catalogue_data import count, shelf
from tests.api.clients import Person, problem

FILES = Path(__file__).parents[2] / "files"
CDN = "https://cdn.example.com"
GERMAN = {
    "Type": "Typ",
    "SKU": "Artikelnummer",
    "Published": "Veröffentlicht",
    "Description": "Beschreibung",
    "Short description": "Kurzbeschreibung",
    "Tax class": "Steuerklasse",
    "Stock": "Lager",
    "Images": "Bilder",
    "Backorders allowed?": "Lieferrückstande erlaubt?",
    "Regular price": "Regulärer Preis",
    "Sale price": "Angebotspreis",
    "Categories": "Kategorien",
    "Parent": "Übergeordnetes Produkt",
}


def send(sam: Person, body: bytes | str, query: str, kind: str = "text/csv") -> Any:
    headers = sam.headers | {"Content-Type": kind}
    return sam.app.test_client().post(f"{PATH}?{query}", data=body, headers=headers)


def imported(sam: Person, name: str, query: str) -> dict[str, Any]:
    answer = send(sam, (FILES / name).read_bytes(), query)
    job, id = accepted(answer)
    told_of = ended(sam, job)
    assert told_of["status"] == "succeeded", told_of
    assert sam.get(f"/api/products/imports/{id}").json["not_taken"] == told_of["result"]["not_taken"]
    found: dict[str, Any] = told_of["result"]
    return found


def variants(product: dict[str, Any]) -> list[tuple[Any, ...]]:
    names = ("sku", "name", "options", "available", "backorder")
    return [(*(one[name] for name in names), one["price"]["amount"]) for one in product["variants"]]


def lines_not_taken(found: dict[str, Any]) -> list[tuple[int, str]]:
    return [(one["line"], one["column"]) for one in found["not_taken"] if "line" in one]


def columns_not_taken(found: dict[str, Any]) -> set[str]:
    return {one["column"] for one in found["not_taken"] if "line" not in one}


def test_shopifys_export_becomes_products(sam: Person) -> None:
    found = imported(sam, "shopify.csv", "format=shopify")
    assert (found["lines"], found["imported"]) == (5, 4)
    assert found["errors"] == [
        {"line": 8, "errors": {"Variant Price": "May be 1250 or 1.250: write it without a sign for thousands."}}
    ]
    shirt = told(sam, "linen-shirt")
    assert (shirt["name"], shirt["category"]) == ("Linen Shirt", "apparel-accessories/clothing/shirts-tops")
    assert shirt["description"] == "<p>Cool in <b>summer</b>.</p>"
    pictures = ["shirt-1", "shirt-2", "shirt-3", "shirt-white"]
    assert shirt["images"] == [f"{CDN}/{name}.jpg" for name in pictures]
    assert variants(shirt) == [
        ("LS-W-S", "White / S", {"Color": "White", "Size": "S"}, 5, False, 3990),
        ("LS-W-L", "White / L", {"Color": "White", "Size": "L"}, 0, True, 3990),
        ("LS-B-S", "Black / S", {"Color": "Black", "Size": "S"}, 0, False, 4200),
    ]
    [mug] = sam.get("/api/products?status=archived").json["items"]  # a draft
    assert (mug["slug"], mug["name"], variants(mug)) == (
        "cafe-mug",
        "Café Mug",
        [("CAFE-MUG", "Café Mug", {}, 7, False, 125000)],
    )
    assert lines_not_taken(found) == [
        (2, "Type"),
        (5, "Image Src"),
        (5, "Variant Inventory Qty"),
        (7, "Handle"),
        (7, "Variant SKU"),
    ]
    assert columns_not_taken(found) >= {"Vendor", "Tags", "Variant Grams", "Variant Compare At Price"}
    assert not columns_not_taken(found) & {"Handle", "Status", "Option1 Name", "Variant Image", "SEO Title"}


def test_shopifys_newer_columns_are_read_as_well(sam: Person) -> None:
    found = imported(sam, "shopify-2025.csv", "format=shopify")
    assert (found["imported"], found["failed"]) == (2, 0)
    bench = told(sam, "oak-bench")
    assert (bench["name"], bench["category"], bench["images"]) == (
        "Oak Bench",
        "furniture/benches",
        [f"{CDN}/bench.jpg"],
    )
    assert variants(bench) == [
        ("OB-120", "120 cm", {"Length": "120 cm"}, 3, False, 24900),
        ("OB-180", "180 cm", {"Length": "180 cm"}, 2, True, 29900),
    ]


def test_woocommerces_export_becomes_products(sam: Person) -> None:
    found = imported(sam, "woocommerce.csv", "format=woocommerce")
    assert (found["lines"], found["imported"]) == (6, 4)
    assert found["errors"] == [
        {"line": 5, "errors": {"Type": "There is nothing like it in this shop."}},
        {"line": 8, "errors": {"Parent": "Is not in this file."}},
    ]
    tee = told(sam, "v-neck-t-shirt")
    assert tee["description"] == "<strong>Soft</strong> cotton.\n\nWash at 30°."
    assert (tee["category"], tee["tax_class"]) == ("clothing/tshirts", "standard")
    assert tee["images"] == [f"{CDN}/{name}.jpg" for name in ("vneck", "vneck-back", "vneck-blue")]
    assert variants(tee) == [
        ("woo-vneck-tee-blue-l", "Blue / Large", {"Color": "Blue", "Size": "Large"}, 4, False, 1500),
        ("WOO-VNECK-TEE-GREEN-SMALL", "Green / Small", {"Color": "Green", "Size": "Small"}, 0, False, 1650),
    ]
    beanie = told(sam, "beanie")
    assert (beanie["description"], beanie["tax_class"]) == ("Warm.", "reduced")
    assert variants(beanie) == [("woo-beanie", "Beanie", {"Color": "Red"}, 12, True, 2000)]
    assert sam.get("/api/products/gift-card").status_code == 404  # not published
    assert lines_not_taken(found) == [(2, "Categories"), (3, "Sale price"), (4, "SKU"), (7, "SKU")]
    assert columns_not_taken(found) >= {"Weight (kg)", "Visibility in catalog"}


def in_german(english: str) -> str:
    """The same export of a site that speaks German: other names for the columns, the same in them."""
    head, rest = english.split("\n", 1)
    columns = [GERMAN.get(name, name) for name in next(csv.reader([head]))]
    numbered = [re.sub(r"^Attribute (\d) name$", r"Attribut \1 Name", name) for name in columns]
    numbered = [re.sub(r"^Attribute (\d) value\(s\)$", r"Attribut \1 Wert(e)", name) for name in numbered]
    return ",".join(f'"{name}"' for name in numbered) + "\n" + rest


def test_woocommerces_export_of_a_german_site_becomes_the_same_products(sam: Person) -> None:
    german = in_german((FILES / "woocommerce.csv").read_text())
    assert "?format=woocommerce" in send(sam, german, "").json["errors"]["body"][0]
    job, _ = accepted(send(sam, german, "format=woocommerce"))
    assert ended(sam, job)["result"]["imported"] == 4
    both = []
    for _ in range(2):
        both.append([item | {"updated_at": 0} for item in sam.get("/api/products?sort=name").json["items"]])
        imported(sam, "woocommerce.csv", "format=woocommerce")
    assert both[0] == both[1]
    assert [len(item["images"]) for item in both[0]] != [0] * len(both[0])


@pytest.mark.parametrize(("name", "format"), [("shopify.csv", "shopify"), ("woocommerce.csv", "woocommerce")])
def test_the_same_file_again_changes_nothing(sam: Person, name: str, format: str) -> None:
    imported(sam, name, f"format={format}")
    before = [item | {"updated_at": 0} for item in sam.get("/api/products?sort=name").json["items"]]
    imported(sam, name, f"format={format}")
    assert [item | {"updated_at": 0} for item in sam.get("/api/products?sort=name").json["items"]] == before


def test_a_file_over_products_that_exist_takes_nothing_that_it_does_not_name(sam: Person) -> None:
    mine = line("LS-W-S", slug="linen-shirt", tax_class="reduced", price_USD=1, description="Ours.", category="ours")
    result(sam, jsonl(mine))
    short = "Handle,Title,Variant SKU,Variant Price\nlinen-shirt,Linen Shirt,LS-W-S,39.90\n"
    job, _ = accepted(send(sam, short, "format=shopify"))
    assert ended(sam, job)["result"]["imported"] == 1
    shirt = told(sam, "linen-shirt")
    assert (shirt["description"], shirt["category"], shirt["tax_class"]) == ("Ours.", "ours", "reduced")
    assert [(v["price"]["amount"], v["prices"][0]["amount"]) for v in shirt["variants"]] == [(3990, 1)]
    assert shelf("LS-W-S") == (2, 0)


def test_prices_may_be_in_another_currency(sam: Person) -> None:
    text = "Handle,Title,Variant SKU,Variant Price\na,A,A,1500\nb,B,B,15\n"
    result(sam, jsonl(line("A")))
    job, _ = accepted(send(sam, text, "format=shopify&currency=JPY"))
    found = ended(sam, job)["result"]
    assert found["errors"] == [{"line": 3, "errors": {"price_cents": "A SKU that is new needs its price in EUR."}}]
    [only] = told(sam, "a")["variants"]
    assert (only["price"]["amount"], only["prices"]) == (1000, [{"amount": 1500, "currency": "JPY"}])
    assert sam.get("/api/products/b").status_code == 404


@pytest.mark.parametrize(
    ("format", "text"),
    [
        ("shopify", "Handle,Title,Variant SKU,Variant Price\nimport,Import,A,1\nexport,Export,B,1\n"),
        ("woocommerce", "ID,Type,SKU,Name,Regular price\n1,simple,A,Import,1\n2,simple,B,export,1\n"),
    ],
    ids=["shopify", "woocommerce"],
)
def test_a_slug_that_means_something_else_here_becomes_another(sam: Person, format: str, text: str) -> None:
    job, _ = accepted(send(sam, text, f"format={format}"))
    found = ended(sam, job)["result"]
    assert (found["imported"], found["errors"]) == (2, [])
    slugs = [(one["slug"], one["name"]) for one in sam.get("/api/products?sort=name").json["items"]]
    assert [(slug, name.title()) for slug, name in slugs] == [("export-2", "Export"), ("import-2", "Import")]


@pytest.mark.parametrize(
    ("query", "kind", "wanted"),
    [
        ("format=magento", "text/csv", (422, "validation_failed")),
        ("currency=USD", "text/csv", (422, "validation_failed")),
        ("format=shopify&currency=XXX", "text/csv", (422, "validation_failed")),
        ("format=shopify", NDJSON, (415, "unsupported_media_type")),
        ("format=woocommerce", "text/csv", (422, "validation_failed")),  # it is Shopify's
    ],
)
def test_what_can_not_be_read_is_refused_whole(sam: Person, query: str, kind: str, wanted: tuple[int, str]) -> None:
    assert problem(send(sam, (FILES / "shopify.csv").read_bytes(), query, kind)) == wanted
    assert count(ImportRow) == 0


def test_without_its_name_the_refusal_tells_which_it_is(sam: Person) -> None:
    for name, format in (("shopify.csv", "shopify"), ("woocommerce.csv", "woocommerce")):
        refused = send(sam, (FILES / name).read_bytes(), "")
        assert problem(refused) == (422, "validation_failed")
        assert f"send it with ?format={format}." in refused.json["errors"]["body"][0]


def test_no_script_comes_in_with_a_text(sam: Person) -> None:
    body = (
        '<p onclick=""evil()"">Good <a href=""javascript:evil()"">link</a><img src=x onerror=evil()></p>'
        "<style>p {display: none}</style><iframe src=//evil.example></iframe><script>evil()</script>"
    )
    text = f'Handle,Title,Body (HTML),Variant SKU,Variant Price\na,A,"{body}",A,1\n'
    job, _ = accepted(send(sam, text, "format=shopify"))
    assert ended(sam, job)["result"]["imported"] == 1
    description = told(sam, "a")["description"]
    assert description.startswith("<p>Good <a")
    assert not [word for word in ("evil", "onclick", "onerror", "script", "style", "iframe") if word in description]
