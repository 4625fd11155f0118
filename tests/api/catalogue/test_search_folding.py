"""One folding for what is written and for what is looked for, whatever is written of a product, and typing errors."""

# ruff: noqa: RUF001 - letters that look like others are what this is about

from __future__ import annotations

from urllib.parse import quote

import pytest
from flask.testing import FlaskClient

import db
from doctor.search import products_are_found
from tests.api.catalogue_data import put_on_shelf
from tests.api.clients import Person

NAMES = {
    "TR": "Işık İstanbul",
    "DK": "Smørrebrød Æblekage",
    "EN": "Men’s L'Oréal T-Shirt",
    "PL": "Łódź Đorđe Þór",
    "FR": "Cœur d'été",
    "JA": "ガラスの椅子",
    "KO": "한국어 의자",
    "HI": "हिन्दी किताब",
    "TH": "เก้าอี้ ไม้",
    "AR": "كُرسي أحمر",
    "RU": "Йод Ёлка",
    "EL": "Καρέκλα ΛΑΜΠΑΣ",
}

FOUND = {
    "TR": ["ışık", "IŞIK", "isik", "Işık", "ISIK", "istanbul", "İSTANBUL"],
    "DK": ["smorrebrod", "SMØRREBRØD", "smørrebrød", "smoerrebroed", "smörrebröd", "aeblekage", "æblekage"],
    "EN": ["mens", "men's", "men’s", "MENʼS", "men", "loreal", "l'oreal", "oréal", "t-shirt", "shirt"],
    "PL": ["lodz", "łódź", "ŁÓDŹ", "dorde", "đorđe", "thor", "þór"],
    "FR": ["coeur", "cœur", "CŒUR", "ete", "été", "d'ete", "dete"],
    "JA": ["ガラス", "ガラスの椅子", "ｶﾞﾗｽ"],
    "KO": ["한국어", "의자", "한국"],
    "HI": ["हिन्दी", "किताब"],
    "TH": ["เก้าอี้", "ไม้"],
    "AR": ["كرسي", "كُرسي", "احمر"],
    "RU": ["йод", "ЁЛКА", "елка"],
    "EL": ["καρεκλα", "ΚΑΡΈΚΛΑ", "λαμπας", "ΛΑΜΠΑΣ"],
}


def found(client: FlaskClient, q: str, more: str = "") -> list[str]:
    answer = client.get(f"/api/products?q={quote(q)}{more}")
    assert answer.status_code == 200, answer.text
    return [item["variants"][0]["sku"] for item in answer.json["items"]]


def test_whoever_types_it_their_own_way_finds_it(client: FlaskClient) -> None:
    for sku, name in NAMES.items():
        put_on_shelf(sku, name=name, category=None, variant_name="***")
    wanted = {q: [sku] for sku, ways in FOUND.items() for q in ways}
    assert {q: found(client, q) for q in wanted} == wanted


def test_other_syllables_are_other_words(client: FlaskClient) -> None:
    put_on_shelf("GLASS", name="ガラス", category=None, variant_name="***")
    put_on_shelf("CROW", name="カラス", category=None, variant_name="***")
    assert (found(client, "ガラス"), found(client, "カラス")) == (["GLASS"], ["CROW"])


def test_tags_and_scripts_are_no_words_and_their_texts_are(client: FlaskClient) -> None:
    html = '<p class="lead">Solid&nbsp;oak</p><ul><li>Caf&eacute; style</li></ul><script>var evil</script> 3 < 5'
    put_on_shelf("DESK", name="Desk", description=html, category=None, variant_name="***")
    assert [found(client, q) for q in ("oak", "cafe", "style", "solid oak")] == [["DESK"]] * 4
    silent = ("lead", "class", "nbsp", "eacute", "script", "evil", "ul")
    assert {q: found(client, q) for q in silent} == {q: [] for q in silent}


def test_variants_options_skus_and_categories_are_searched(client: FlaskClient, sam: Person) -> None:
    put_on_shelf(
        "AB1234-XL",
        name="Desk",
        variant_name="Midnight",
        options={"colour": "Navy"},
        category="office/desks-and-tables",
    )
    ways = ("midnight", "navy", "colour navy", "ab1234", "1234", "xl", "ab1234xl", "AB-1234", "office", "tables desk")
    assert {q: found(client, q) for q in ways} == {q: ["AB1234-XL"] for q in ways}
    office = next(one for one in sam.get("/api/categories").json["items"] if one["path"] == "office")
    moved = sam.ask("PATCH", f"/api/categories/{office['id']}", {"name": "Workplace", "path": "work"})
    assert moved.status_code == 200
    assert {q: found(client, q) for q in ("workplace", "work", "office")} == {
        "workplace": ["AB1234-XL"],
        "work": ["AB1234-XL"],
        "office": [],
    }
    with db.reading() as session:
        assert list(products_are_found(session)) == []


@pytest.mark.parametrize("q", ["chiar", "chairr", "chsir", "hair", "cahir", "wodoen chiar", "woooden", "Wodden Chair"])
def test_a_typing_error_still_finds(client: FlaskClient, q: str) -> None:
    put_on_shelf("CHAIR", name="Wooden Chair", category=None, variant_name="***")
    put_on_shelf("LAMP", name="Floor Lamp", category=None, variant_name="***")
    assert found(client, q) == ["CHAIR"]
    assert client.get(f"/api/products?q={quote(q)}").json["facets"]["in_stock"] == {"true": 1, "false": 0}


def test_what_is_found_as_it_was_typed_comes_alone_and_the_better_hit_first(client: FlaskClient) -> None:
    put_on_shelf("KETTLE", name="Kettle", category=None, variant_name="***")
    put_on_shelf("TEA", name="Tea pot", description="not a kettle", category=None, variant_name="***")
    assert found(client, "kettel") == ["KETTLE", "TEA"]
    put_on_shelf("KETTEL", name="Kettel", category=None, variant_name="***")
    assert found(client, "kettel") == ["KETTEL"]
    assert found(client, "kettle") == ["KETTLE", "TEA"]


def test_numbers_and_short_words_are_not_mistaken_for_others(client: FlaskClient) -> None:
    put_on_shelf("SKU-1234", name="Oak", category=None, variant_name="***")
    assert [found(client, q) for q in ("1235", "sku-1243", "oka", "aok")] == [[], [], [], []]


def test_pages_of_what_is_nearly_it_skip_and_repeat_nothing(client: FlaskClient) -> None:
    for number in range(5):
        put_on_shelf(f"LAMP-{number}", name="Lantern" if number % 2 else "Big lantern", category=None)
    everything = found(client, "lantren")
    assert len(everything) == 5
    page = client.get("/api/products?q=lantren&limit=2").json
    seen = [item["variants"][0]["sku"] for item in page["items"]]
    while page["next"]:
        page = client.get(f"/api/products?q=lantren&limit=2&cursor={page['next']}").json
        seen += [item["variants"][0]["sku"] for item in page["items"]]
    assert seen == everything
