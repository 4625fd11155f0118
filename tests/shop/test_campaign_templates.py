"""Templates of campaigns: what is let in is bounded; what is wrong is said with its line."""

from __future__ import annotations

import time

import pytest

from shop.campaigns import templates
from shop.campaigns.letters import SAMPLE, Content, check, written
from shop.errors import Invalid

VALUES = {
    "name": "Ada <b>",
    "first_name": "Ada",
    "email": "a@x.com",
    "coupon": "C",
    "shop_url": "u",
    "unsubscribe_url": "v",
}


def problem(text: str, name: str = "text") -> str:
    with pytest.raises(Invalid) as refused:
        templates.check({name: text}, VALUES)
    said: str = refused.value.more["errors"][name][0]
    return said


def test_html_is_escaped_and_text_is_not() -> None:
    assert templates.render("html", "<p>{{ name }}</p>", VALUES) == "<p>Ada &lt;b&gt;</p>"
    assert templates.render("text", "{{ name|upper }}", VALUES) == "ADA <B>"


def test_a_subject_is_one_line_whatever_a_name_holds() -> None:
    assert (
        templates.render("subject", "Hello {{ name }}", {**VALUES, "name": "A\r\nBcc: x@y.z"}) == "Hello A Bcc: x@y.z"
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a\nb {{ nmae }}", "Line 2: there is no variable nmae"),
        ("a\n\n{% if name %}", "Line 3: Unexpected end"),
        ("{{ name.__class__ }}", "Line 1: getattr can not be used here"),
        ("{{ ''['__class__'] }}", "Line 1: getitem can not be used here"),
        ("{% for a in name %}{% endfor %}", "Line 1: for can not be used here"),
        ("{{ range(9) }}", "Line 1: call can not be used here"),
        ("{{ 'a' * 999999999 }}", "Line 1: mul can not be used here"),
        ("{{ 9 ** 9 ** 9 }}", "Line 1: pow can not be used here"),
        ("{% set a = 1 %}", "Line 1: assign can not be used here"),
        ("{% include '/etc/passwd' %}", "Line 1: include can not be used here"),
        ("{{ name|center(999999999) }}", "Line 1: there is no filter center"),
        ("{{ config }}", "Line 1: there is no variable config"),
        ("ok\n{{ name|truncate('x') }}", "Line 2: "),
        ("ok\n{{ name < 3 }}", "Line 2: "),
        ("{% if name %}" * 60 + "{% endif %}" * 60, "Line 1: more than 20 conditions"),
        ("{{ " + "(" * 3000 + "name" + ")" * 3000 + " }}", "It is nested too deeply."),
    ],
)
def test_what_is_not_let_in_is_named_with_its_line(text: str, said: str) -> None:
    began = time.monotonic()
    assert problem(text).startswith(said)
    assert time.monotonic() - began < 2


def test_the_way_out_stands_below_unless_the_template_has_it() -> None:
    plain = written(Content("offers", "Hi", "Hello", "<p>Hello</p>"), SAMPLE, None)
    assert plain.text.count("/api/unsubscribe/") == 1
    assert plain.html is not None
    assert plain.html.count("/api/unsubscribe/") == 1
    own = written(Content("offers", "Hi", "Bye: {{ unsubscribe_url }}", None), SAMPLE, None)
    assert own.text.count("/api/unsubscribe/") == 1
    assert own.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_every_template_is_checked_at_once() -> None:
    with pytest.raises(Invalid) as refused:
        check(Content("offers", "{{ a }}", "{{ b }}", "{{ c }}"))
    assert sorted(refused.value.more["errors"]) == ["html", "subject", "text"]
