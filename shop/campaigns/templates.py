"""Templates that staff edit: Jinja2 in a sandbox, restricted to what takes a bounded time.

No loops, calls, arithmetic or assignments: what is left costs no more than its own length. Variables and filters are
allowlisted; any other is an error when the template is saved, with its line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from traceback import walk_tb

from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from shop.kernel.errors import Invalid

VARIABLES = ("name", "first_name", "email", "coupon", "shop_url", "unsubscribe_url")
FILTERS = ("capitalize", "d", "default", "e", "escape", "lower", "title", "trim", "truncate", "upper", "urlencode")
PLAIN = (nodes.Template, nodes.Output, nodes.TemplateData, nodes.Const, nodes.Name, nodes.If, nodes.CondExpr)
LOGIC = (nodes.And, nodes.Or, nodes.Not, nodes.Compare, nodes.Operand, nodes.Filter, nodes.Test, nodes.Concat)
ALLOWED = (*PLAIN, *LOGIC, nodes.Keyword)
TESTS = ("defined", "undefined", "none", "string", "eq", "ne", "equalto", "in")

TOO_DEEP = (SyntaxError, RecursionError, MemoryError)
"""Raised for nesting that is deeper than Python allows."""

BROKEN = (TemplateError, TypeError, ValueError, LookupError, ArithmeticError, AttributeError, AssertionError, *TOO_DEEP)
"""What Jinja2, and the code it makes of a template, may raise."""

LONGEST_OUTPUT = 200_000
DEEPEST_IF = 20
DEEPEST_FILTER = 10  # urlencode makes three characters of one, again and again
LONGEST_NUMBER = 9  # digits
UNWRITABLE = re.compile("[\0\ud800-\udfff]")


class TemplateFailed(Exception):
    """The template could not be rendered for this recipient."""


def check(fields: Mapping[str, str | None], sample: Mapping[str, str]) -> None:
    """Check templates and render them with `sample`.

    Raises Invalid that names the template, the line and what is wrong there.
    """
    found = {name: _problem(name, source, sample) for name, source in fields.items() if source}
    errors = {name: [problem] for name, problem in found.items() if problem}
    if errors:
        raise Invalid(errors)


def render(name: str, source: str, values: Mapping[str, str]) -> str:
    """Render a template. `name` is `subject`, `text` or `html`; only the last is escaped. Raises TemplateFailed."""
    try:
        said = _made(source, name == "html").render(values)
    except BROKEN as error:
        raise TemplateFailed(f"Line {_line_of(error)}: {_why(error)}"[:200]) from error
    if len(said) > LONGEST_OUTPUT:
        raise TemplateFailed(f"Longer than {LONGEST_OUTPUT} characters")
    if UNWRITABLE.search(said):
        raise TemplateFailed("It holds a character that no mail can carry (NUL, or half of a surrogate pair)")
    return " ".join(said.split()) if name == "subject" else said


def _why(error: BaseException) -> str:
    if isinstance(error, TOO_DEEP):
        return "it is nested too deeply"
    return str(error) or type(error).__name__


def _line_of(error: BaseException) -> int:
    """Return the template's line of an error: Jinja2 rewrites tracebacks so that they name it."""
    lines = [number for frame, number in walk_tb(error.__traceback__) if frame.f_code.co_filename == "<template>"]
    return lines[-1] if lines else 1


def _problem(name: str, source: str, sample: Mapping[str, str]) -> str | None:
    try:
        _judge(_environment(html=name == "html").parse(source))
        render(name, source, sample)
    except TemplateSyntaxError as error:
        return f"Line {error.lineno}: {error.message}"
    except TemplateFailed as error:
        return str(error)
    except TOO_DEEP:
        return "It is nested too deeply."
    except ValueError as error:  # Jinja2 reads numbers by Python's rules, and Python has a longest one
        return f"It can not be read: {error}."[:200]
    return None


def _judge(tree: nodes.Template) -> None:
    for node in tree.find_all(nodes.Node):
        if not isinstance(node, ALLOWED):
            raise TemplateSyntaxError(f"{type(node).__name__.lower()} can not be used here", node.lineno)
        if isinstance(node, nodes.Name):
            _must_be_known("variable", node.name, VARIABLES, node.lineno)
        if isinstance(node, nodes.Filter):
            _must_be_known("filter", node.name, FILTERS, node.lineno)
        if isinstance(node, nodes.Test):
            _must_be_known("test", node.name, TESTS, node.lineno)
        if isinstance(node, nodes.Const):
            _must_be_short(node)
    _judge_depth(tree, 0, 0)


def _must_be_short(node: nodes.Const) -> None:
    if isinstance(node.value, int | float) and not abs(node.value) < 10**LONGEST_NUMBER:
        raise TemplateSyntaxError(f"a number of more than {LONGEST_NUMBER} digits", node.lineno)
    if isinstance(node.value, str) and UNWRITABLE.search(node.value):
        raise TemplateSyntaxError("a character that no mail can carry", node.lineno)


def _must_be_known(kind: str, name: str, known: Iterable[str], line: int) -> None:
    if name not in known:
        raise TemplateSyntaxError(f"there is no {kind} {name}; there are {', '.join(known)}", line)


def _judge_depth(node: nodes.Node, ifs: int, filters: int) -> None:
    """Limit nesting. Python takes a hundred levels of indentation, and each filter may multiply the length."""
    ifs += isinstance(node, nodes.If | nodes.CondExpr)
    filters += isinstance(node, nodes.Filter)
    if ifs > DEEPEST_IF:
        raise TemplateSyntaxError(f"more than {DEEPEST_IF} conditions in each other", node.lineno)
    if filters > DEEPEST_FILTER:
        raise TemplateSyntaxError(f"more than {DEEPEST_FILTER} filters in a row", node.lineno)
    for child in node.iter_child_nodes():
        _judge_depth(child, ifs, filters)


@lru_cache(maxsize=2)
def _environment(*, html: bool) -> ImmutableSandboxedEnvironment:
    made = ImmutableSandboxedEnvironment(autoescape=html, undefined=StrictUndefined, keep_trailing_newline=True)
    made.globals.clear()
    made.filters = {name: made.filters[name] for name in FILTERS}
    made.tests = {name: made.tests[name] for name in TESTS}
    return made


@lru_cache(maxsize=64)
def _made(source: str, html: bool) -> Template:
    return _environment(html=html).from_string(source)
