"""Every letter in every language: complete, escaped, and without a header of somebody else's making."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from babel.messages.extract import extract

import letters
from letters.catalogues import catalogue
from letters.writing import LANGUAGES, TEMPLATES, environment
from shop.kernel import languages

PAPERS = TEMPLATES.parent / "papers.py"
PAGES = TEMPLATES.parents[1] / "api/pages"
EVIL = '<script>alert("x")</script>{{ 7 * 7 }}%(number)s\r\nBcc: eve@example.com'


def said() -> Iterator[str]:
    """What stands in letters, pages and papers.py to be translated."""
    for path in (*TEMPLATES.iterdir(), *PAGES.glob("*.html")):
        html = path.suffix == ".html"
        found = environment("en", html=html).extract_translations(path.read_text())  # type: ignore[attr-defined]
        yield from (message if isinstance(message, str) else message[0] for _, _, message in found)
    with PAPERS.open("rb") as file:
        yield from (str(message) for _, message, _, _ in extract("python", file))


def test_every_letter_has_a_sample_a_text_and_a_page() -> None:
    stems = {
        kind: {path.stem for path in TEMPLATES.glob(f"*.{kind}")} - {"layout", "parts"} for kind in ("txt", "html")
    }
    assert stems["txt"] == stems["html"] == set(letters.SAMPLES)
    assert LANGUAGES == languages.LANGUAGES


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_catalogue_has_all_the_words_and_no_others(language: str) -> None:
    messages = {str(message.id): message for message in catalogue(language) if message.id}
    assert set(messages) == set(said()), "make words"
    assert not [id for id, message in messages.items() if message.fuzzy]
    for id, message in messages.items():
        translated = str(message.string) or id
        assert language == "en" or message.string, f"{language} has no words for {id!r}"
        assert _gaps(translated) == _gaps(id), f"{language}: {id!r}"


def _gaps(text: str) -> list[str]:
    return sorted(part.split(")")[0] for part in text.split("%(")[1:])


@pytest.mark.parametrize("kind", sorted(letters.SAMPLES))
def test_a_letter_is_written_in_both_languages(kind: str) -> None:
    english, german, swiss = (letters.write(kind, letters.SAMPLES[kind], tag) for tag in ("en", "de", "de-CH"))
    assert german.subject == swiss.subject
    assert kind == "message" or english.subject != german.subject
    assert "Dear Casey Customer," in english.text
    assert "Guten Tag Casey Customer," in german.text
    for letter in (english, german):
        assert letter.text.rstrip().endswith("Orderwave")
        assert "\n\n\n" not in letter.text.strip()
        assert not [mark for mark in ("{{", "{%", "%(", "Undefined", "None") if mark in letter.text + letter.html]
        for link in (letters.SAMPLES[kind].get(name) for name in ("link", "unsubscribe")):
            assert link is None or (link in letter.text and f'href="{link}"' in letter.html)
    assert 'lang="de"' in german.html


def _evil(value: Any) -> Any:
    if isinstance(value, str) and not value.startswith("https:") and value != "EUR":
        return EVIL
    if isinstance(value, list):
        return [_evil(one) for one in value]
    return {name: _evil(one) for name, one in value.items()} if isinstance(value, dict) else value


@pytest.mark.parametrize("kind", sorted(letters.SAMPLES))
def test_what_people_call_themselves_is_no_html_no_template_and_no_header(kind: str) -> None:
    letter = letters.write(kind, _evil(dict(letters.SAMPLES[kind])), "de")
    assert "<script" not in letter.html
    assert "&lt;script&gt;" in letter.html
    assert "49" not in letter.text.replace("4,90", "")
    assert letter.subject.isprintable()
    assert len(letter.subject) <= 200


def test_money_and_dates_are_written_as_where_the_reader_lives() -> None:
    sample = letters.SAMPLES["order_confirmed"]
    english, german, austrian, nowhere = (
        letters.write("order_confirmed", sample, tag).text.replace("\xa0", " ")
        for tag in ("en", "de", "de-AT", "de-XX")
    )
    assert "Total: €1,139.00" in english
    assert "Ordered on November 24, 2026" in english
    assert "Summe: 1.139,00 €" in german
    assert "Versand, standard: 4,90 €" in german
    assert "Bestellt am 24. November 2026" in german
    assert "Summe: € 1.139,00" in austrian
    assert nowhere == german
    yen = letters.write("refunded", {**letters.SAMPLES["refunded"], "currency": "JPY"}, "en").text
    assert "¥61,900" in yen


def test_a_language_that_nobody_here_speaks_is_answered_in_english() -> None:
    assert letters.write("order_link", letters.SAMPLES["order_link"], "fr-FR").subject.startswith("The link to")
