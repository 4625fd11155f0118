# ruff: noqa: E501, RUF001 - lists of names, some of which look like others on purpose
"""Names of people and firms pass; what is an address, markup or hidden does not. Both ways."""

from __future__ import annotations

import pytest

from letters.links import defanged, holds_link
from shop.accounts.person_names import problem

NAMES = """
St. John|St.John|Jr.|Robert Downey Jr.|Dr. A. Müller|Dr.A.Müller|J.R.R. Tolkien|J.R.R.Tolkien|O'Brien|O’Brien|Anne-Marie d'Arc
N'Golo Kanté|3M Co.KG|Müller GmbH & Co. KG|GmbH&Co.KG|Meyer u.Co|王小明|李 明|محمد بن سلمان|علی‌رضا|אברהם כהן|Сергей Иванов|ひろし・田中
मोहन दास|Nguyễn Văn A|M.de Vries|Jan v.d. Berg|Ph.D. Ada Lovelace|Ing. Novák, s.r.o.|S.p.A. Rossi|Sportverein e.V.|c/o Meier|Attn: Bob
Mr. T|A. B. C.|Prof.Dr.Dr. h.c. Kern|X Æ A-12|Björk|L'Oréal S.A.|Øyvind|Zoë|Łukasz|İbrahim Işık|Jean-Luc|María José|No. 5|1. FC Köln
Smith & Sons (UK) Ltd.|Ada Lovelace 🎉|'; DROP TABLE users --|Tag/Nacht|100% Bio|Miller #2|Mac Donald|van 't Hoff|Null|a|Ø|AT&T Inc.
""".replace("\n", "|").strip("|")

LINKS = """
evil.example|You won http://evil.example|https://a.b|HTTPS://EVIL|www.evil|EVIL.COM|Evil.Com|go to evil.ru now|bit.ly/x|t.co/abc|x.com
ftp://x|mailto:a@b|javascript:alert(1)|a@b.example|ada@localhost|10.0.0.1|visit evil-shop.click!|sub.evil.top|(evil.info)|evil.xn--p1ai
例子.公司|пример.рф|evil。com|evil．com|ｅｖｉｌ.ｃｏｍ|data:text/html|tel:+15551234|evil.example.|"evil.example"|http:/evil|evil.com/ada
""".replace("\n", "|").strip("|")

JOINED = ["evil\u200d.com", "evil.\u200ccom", "htt\u200dp://x", "evil\ufe0f.example", "www\u200d.evil"]
HIDDEN = [
    "a\u200eb",
    "a\u200fb",
    "a\u061cb",
    "\u3164",
    "\u2800",
    "a\u034fb",
    "a\u202eb",
    "a\u200bb",
    "a\u2066b",
    "a\ufeffb",
    "a\u00adb",
    "a\U000e0041b",
]
MARKUP = ["<b>a</b>", "a > b", "{{ 7*7 }}", "{% if %}", "[a](b)", "&lt;b", "&#60;", "[url]"]


@pytest.mark.parametrize("name", NAMES.split("|"))
def test_a_name_passes_and_stays_as_it_is(name: str) -> None:
    assert (problem(name), defanged(name)) == (None, name)


@pytest.mark.parametrize("name", [*LINKS.split("|"), *JOINED])
def test_what_a_mail_program_makes_a_link_of_does_not(name: str) -> None:
    assert "address" in str(problem(name))
    assert not holds_link(defanged(name)) or "/" in name, "what is in the database already is defanged"


def test_the_words_stay_readable() -> None:
    assert defanged("You won http://evil.example") == "You won http[:]//evil[.]example"
    assert defanged("ada@evil.com") == "ada[at]evil[.]com"


@pytest.mark.parametrize("name", HIDDEN)
def test_what_hides_does_not(name: str) -> None:
    assert problem(name) == "May hold no invisible characters."


@pytest.mark.parametrize("name", MARKUP)
def test_markup_does_not(name: str) -> None:
    assert problem(name) == "May hold no markup (< > { } [ ])."
