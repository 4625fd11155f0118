"""The demo catalogue is data people read and programs load, so its rules are written down here."""

import csv
import io
import json
import re
from collections import Counter, defaultdict
from pathlib import Path

import pytest

CATALOGUE = Path(__file__).resolve().parent.parent / "demo" / "catalogue.csv"
COLUMNS = [
    "slug",
    "name",
    "description",
    "category",
    "image_url",
    "sku",
    "variant_name",
    "options",
    "price_cents",
    "currency",
    "on_hand",
]
PRODUCT_COLUMNS = ["name", "description", "category", "image_url"]
KEBAB = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
UPPER_KEBAB = re.compile(r"[A-Z0-9]+(-[A-Z0-9]+)*")
WHOLE_NUMBER = re.compile(r"0|[1-9][0-9]*")

Row = dict[str, str]


def sentences_of(description: str) -> list[str]:
    return re.split(r"(?<=[.!?])\s+", description)


@pytest.fixture(scope="module")
def text() -> str:
    return CATALOGUE.read_bytes().decode("utf-8")


@pytest.fixture(scope="module")
def rows(text: str) -> list[Row]:
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


@pytest.fixture(scope="module")
def products(rows: list[Row]) -> dict[str, list[Row]]:
    by_slug: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_slug[row["slug"]].append(row)
    return dict(by_slug)


@pytest.fixture(scope="module")
def descriptions(products: dict[str, list[Row]]) -> list[str]:
    return [variants[0]["description"] for variants in products.values()]


def test_the_file_is_utf_8_without_a_byte_order_mark(text):
    assert not text.startswith("\ufeff")
    assert not text.isascii(), "umlauts and accents are there to keep programs honest"


def test_every_record_ends_in_crlf_as_rfc_4180_says(text):
    assert text.endswith("\r\n")
    assert text.count("\n") == text.count("\r") == text.count("\r\n")


def test_the_columns_are_exactly_the_agreed_ones_in_the_agreed_order(text):
    records = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    assert records[0] == COLUMNS
    assert {len(record) for record in records} == {len(COLUMNS)}


def test_writing_the_rows_again_gives_the_same_bytes(text, rows):
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, fieldnames=COLUMNS, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    assert out.getvalue() == text


def test_there_are_about_three_hundred_products_and_seven_hundred_variants(rows, products):
    assert 290 <= len(products) <= 310
    assert 680 <= len(rows) <= 720


def test_the_rows_are_sorted_by_slug(rows):
    slugs = [row["slug"] for row in rows]
    assert slugs == sorted(slugs)


def test_no_field_is_blank_or_padded(rows):
    for row in rows:
        for column in COLUMNS:
            assert row[column], (row["sku"], column)
            assert row[column] == row[column].strip(), (row["sku"], column)


def test_every_slug_is_kebab_case_and_belongs_to_one_name(products):
    assert [slug for slug in products if not KEBAB.fullmatch(slug)] == []
    names = [variants[0]["name"] for variants in products.values()]
    assert len(set(names)) == len(names)


def test_all_rows_of_a_slug_carry_the_same_product_columns(products):
    for slug, variants in products.items():
        seen = {tuple(row[column] for column in PRODUCT_COLUMNS) for row in variants}
        assert len(seen) == 1, slug


def test_there_are_twenty_leaf_categories_under_six_top_ones(rows):
    paths = {row["category"] for row in rows}
    assert all(re.fullmatch(rf"{KEBAB.pattern}/{KEBAB.pattern}", path) for path in paths)
    assert len(paths) == 20
    assert len({path.split("/")[0] for path in paths}) == 6


def test_every_image_url_is_made_from_the_slug(rows):
    for row in rows:
        assert row["image_url"] == f"https://images.example.com/{row['slug']}.jpg"


def test_every_sku_is_unique_upper_kebab_and_at_most_forty_characters(rows):
    skus = [row["sku"] for row in rows]
    assert [sku for sku, count in Counter(skus).items() if count > 1] == []
    assert [sku for sku in skus if not UPPER_KEBAB.fullmatch(sku)] == []
    assert max(map(len, skus)) <= 40


def test_every_sku_starts_with_its_slug_and_adds_a_part_only_for_options(rows):
    for row in rows:
        stem = row["slug"].upper()
        if json.loads(row["options"]):
            assert row["sku"].startswith(f"{stem}-"), row["sku"]
        else:
            assert row["sku"] == stem


def test_options_are_json_objects_from_words_to_words(rows):
    for row in rows:
        options = json.loads(row["options"])
        assert isinstance(options, dict), row["sku"]
        for key, value in options.items():
            assert KEBAB.fullmatch(key), row["sku"]
            assert isinstance(value, str), row["sku"]
            assert value == value.strip() != "", row["sku"]


def test_the_variant_name_is_the_option_values_joined_or_standard(rows):
    for row in rows:
        assert row["variant_name"] == (" / ".join(json.loads(row["options"]).values()) or "Standard")


def test_the_variants_of_a_product_share_option_names_and_differ_in_values(products):
    for slug, variants in products.items():
        options = [json.loads(row["options"]) for row in variants]
        assert len({tuple(option) for option in options}) == 1, slug
        assert len({tuple(option.values()) for option in options}) == len(options), slug
        assert bool(options[0]) == (len(variants) > 1), slug


def test_every_price_is_a_whole_positive_number_of_euro_cents(rows):
    for row in rows:
        assert row["currency"] == "EUR"
        assert WHOLE_NUMBER.fullmatch(row["price_cents"]), row["sku"]
        assert 100 <= int(row["price_cents"]) <= 200_000, row["sku"]


def test_some_prices_differ_between_the_sizes_of_one_product(products):
    differing = [slug for slug, variants in products.items() if len({row["price_cents"] for row in variants}) > 1]
    assert len(differing) >= 50


def test_stock_runs_from_nought_to_two_hundred_and_fifty(rows):
    assert all(WHOLE_NUMBER.fullmatch(row["on_hand"]) for row in rows)
    assert all(0 <= int(row["on_hand"]) <= 250 for row in rows)


def test_a_few_variants_are_sold_out_and_a_few_are_on_their_last_units(rows):
    stock = [int(row["on_hand"]) for row in rows]
    assert 5 <= stock.count(0) <= 40
    assert 5 <= sum(1 <= units <= 3 for units in stock) <= 60


def test_every_description_is_one_or_two_finished_sentences(descriptions):
    for description in descriptions:
        assert 1 <= len(sentences_of(description)) <= 2, description
        assert description[0].isupper(), description
        assert description.endswith((".", "!", "?")), description
        assert "  " not in description, description


def test_no_description_and_no_sentence_is_used_twice(descriptions):
    assert len(set(descriptions)) == len(descriptions)
    counts = Counter(sentence for description in descriptions for sentence in sentences_of(description))
    assert [sentence for sentence, count in counts.items() if count > 1] == []


def test_no_turn_of_phrase_is_used_more_than_six_times(descriptions):
    phrases: Counter[str] = Counter()
    for description in descriptions:
        words = re.findall(r"[\w'-]+", description.lower())
        phrases.update({" ".join(words[at : at + 4]) for at in range(len(words) - 3)})
    assert [phrase for phrase, count in phrases.items() if count > 6] == []


def test_some_names_carry_umlauts_accents_and_apostrophes(products):
    names = " ".join(variants[0]["name"] for variants in products.values())
    assert all(letter in names for letter in "äöüéèåñ'\u2019")


def test_the_crunchy_armchair_is_there_with_one_variant(products):
    (row,) = products["crunchy-armchair"]
    assert row["name"] == "Crunchy Armchair"
    assert row["sku"] == "CRUNCHY-ARMCHAIR"
    assert row["options"] == "{}"
    assert (row["price_cents"], row["on_hand"]) == ("34900", "40")


def test_the_linen_napkin_set_is_there_and_in_stock(products):
    variants = products["linen-napkin-set"]
    assert {row["name"] for row in variants} == {"Linen Napkin Set"}
    assert all(int(row["on_hand"]) > 0 for row in variants)
