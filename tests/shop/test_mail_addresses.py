"""One spelling for one mailbox: normalised first, then judged."""

from __future__ import annotations

import unicodedata

import pytest

from shop.accounts.email_addresses import NotAnAddress, checked, normal, shown, wire

MUNICH = "info@xn--mnchen-3ya.de"


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("  Ada@Example.COM ", "ada@example.com"),
        (unicodedata.normalize("NFD", "José@Example.com"), "josé@example.com"),
        ("info@münchen.de", MUNICH),
        (unicodedata.normalize("NFD", "INFO@MÜNCHEN.de"), MUNICH),
        ("info@XN--MNCHEN-3YA.de", MUNICH),
        ("\uff41\uff44\uff41\uff20example\u3002com", "ada@example.com"),
        ("info@straße.de", "info@xn--strae-oqa.de"),
        ("用户@例子.公司", "用户@xn--fsqu00a.xn--55qx5d"),
        ("مثال@مثال.إختبار", "مثال@xn--mgbh0fb.xn--kgbechtv"),
        ("संपर्क@डाटामेल.भारत", "संपर्क@xn--c2bd4bq1db8d.xn--h2brj9c"),
        ("o'brien+x=1@sub.example.co.uk", "o'brien+x=1@sub.example.co.uk"),
        ('"two words"@example.com', '"two words"@example.com'),
        ("a@ab--cd.example", "a@ab--cd.example"),
        ("shop@localhost", "shop@localhost"),
    ],
)
def test_every_spelling_is_kept_as_one(typed: str, kept: str) -> None:
    assert (checked(typed), normal(typed), checked(kept), normal(kept)) == (kept, kept, kept, kept)


NONE = """
@ a a@ @example.com a@b@example.com a@example a..b@example.com .a@example.com a.@example.com a@-example.com
a@example-.com a@.com a@example..com a@example.com. a@example.123 a@[127.0.0.1] a@127.0.0.1
a@exam_ple.com a@☃.net a@xn--a.com a@aא1.com
"""
ODD = ["", "a b@example.com", "a@exa mple.com", "a\n@example.com", "a\0@example.com", "Ann <a@example.com>"]
UNSEEN = ["a\u200b@example.com", "a\u202e@example.com", "a@ex\u0301.\u0301com", "a@\u200dexample.com"]
LONG = ["a" * 65 + "@example.com", "é" * 33 + "@example.com", "a@" + "b" * 64 + ".com", "a@" + "ü" * 63 + ".com"]
LONGER = ["a@" + "ab." * 90 + "com", "a@b.com" * 2000]


@pytest.mark.parametrize("typed", [*NONE.split(), *ODD, *UNSEEN, *LONG, *LONGER])
def test_what_can_be_no_address_is_none(typed: str) -> None:
    with pytest.raises(NotAnAddress):
        checked(typed)
    assert isinstance(normal(typed), str), "a look-up finds nobody, and does not fail"


def test_people_read_the_domain_in_its_own_letters_and_servers_as_dns_has_it() -> None:
    assert (shown(MUNICH), wire("info@münchen.de"), wire(MUNICH)) == ("info@münchen.de", MUNICH, MUNICH)
    assert (shown("ada@example.com"), shown("a@xn--a.com"), shown("no address")) == (
        *("ada@example.com", "a@xn--a.com"),
        "no address",
    )
