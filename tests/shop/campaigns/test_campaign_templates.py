"""Templates of campaigns: what is let in is bounded; what is wrong is said with its line."""

from __future__ import annotations

import time

import pytest

from shop.campaigns import templates
from shop.campaigns.rendering import SAMPLE, Content, check, written
from shop.campaigns.tables import LONGEST_TEMPLATE
from shop.kernel.errors import Invalid

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
        ("ok\n{{ " + "9" * 5000 + " }}", "It can not be read: Exceeds the limit"),
        ("ok\n{{ " + "9" * 10 + " }}", "Line 2: a number of more than 9 digits"),
        ("ok\n{{ 1e400 }}", "Line 2: a number of more than 9 digits"),
        ("ok\n{{ 10**400 }}", "Line 2: pow can not be used here"),
        ("ok\n{{ '\\ud800' }}", "Line 2: a character that no mail can carry"),
        ("ok\n{{ name|default('\\udfff') }}", "Line 2: a character that no mail can carry"),
        ("ok\n{{ '\\0' }}", "Line 2: a character that no mail can carry"),
        ("{% if name == '\\x00' %}{% endif %}", "Line 1: a character that no mail can carry"),
        ("{{ '\\N{nothing}' }}", "Line 1: unknown Unicode character name"),
        ("{{ '\\ud8' }}", "Line 1: truncated"),
        ("{{ name" + "|urlencode" * 11 + " }}", "Line 1: more than 10 filters in a row"),
        ("{{ name" + "|upper" * 5000 + " }}", "It is nested too deeply."),
        ("{{ " + "not " * 5000 + "name }}", "It is nested too deeply."),
        ("{{ -9 }}", "Line 1: neg can not be used here"),
        ("{{ name.a.b.c }}", "Line 1: getattr can not be used here"),
        ("{% macro a() %}{{ a() }}{% endmacro %}", "Line 1: macro can not be used here"),
        ("{% filter upper %}a{% endfilter %}", "Line 1: filterblock can not be used here"),
        ("{{ [1] }}", "Line 1: list can not be used here"),
        ("{{ (1, 2) }}", "Line 1: tuple can not be used here"),
        ("{{ " + "(" * 3000 + "name" + ")" * 3000 + " }}", "It is nested too deeply."),
    ],
)
def test_what_is_not_let_in_is_named_with_its_line(text: str, said: str) -> None:
    began = time.thread_time()
    assert problem(text).startswith(said)
    assert time.thread_time() - began < 2


def test_the_longest_that_is_let_in_is_rendered_in_a_moment() -> None:
    """A name of nothing but per cent signs, ten times made longer, as often as a template is long."""
    one = "{{ name" + "|urlencode" * 10 + " }}"
    greedy = {**VALUES, "name": "%" * 100}
    began = time.thread_time()
    with pytest.raises(templates.TemplateFailed, match="Longer than 200000 characters"):
        templates.render("text", one * (LONGEST_TEMPLATE // len(one)), greedy)
    assert time.thread_time() - began < 5


@pytest.mark.parametrize(
    "text", ["{{ '\\ud800' }}", "{{ " + "9" * 5000 + " }}", "{{ " + "(" * 3000 + " }}", "{{ nobody }}"]
)
def test_what_was_saved_before_all_this_fails_by_name(text: str) -> None:
    with pytest.raises(templates.TemplateFailed):
        templates.render("text", text, VALUES)


def test_the_way_out_stands_below_unless_the_template_has_it() -> None:
    plain = written(Content("offers", "Hi", "Hello", "<p>Hello</p>"), SAMPLE, None)
    assert plain.text.count("/account/unsubscribe#token=") == 1
    assert plain.html is not None
    assert plain.html.count("/account/unsubscribe#token=") == 1
    own = written(Content("offers", "Hi", "Bye: {{ unsubscribe_url }}", None), SAMPLE, None)
    assert own.text.count("/account/unsubscribe#token=") == 1
    assert own.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_every_template_is_checked_at_once() -> None:
    with pytest.raises(Invalid) as refused:
        check(Content("offers", "{{ a }}", "{{ b }}", "{{ c }}"))
    assert sorted(refused.value.more["errors"]) == ["html", "subject", "text"]
