"""A strict reader of JSON: no duplicate keys, bounded depth and size, no text or number that cannot be stored."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any, NoReturn

from shop.kernel.errors import Invalid, Refusal

DEEPEST = 32
MOST_VALUES = 5000  # a product with a hundred variants has two thousand
# Only a body with an escape can hold NUL or a lone surrogate; only one with an exponent or 300 digits, infinity.
SUSPECT = re.compile(rb"\\u|[0-9][eE]|[0-9]{300}")
UNFIT = re.compile("[\0\ud800-\udfff]")


class Malformed(Refusal):
    status, code, title = 400, "malformed_json", "Malformed JSON"


def parse(body: bytes) -> Any:
    """Return the document in `body`.

    Raises Malformed (400) when it is not strict JSON, Invalid (422) for text or numbers that cannot be stored.
    """
    document = _read(body)
    if body.count(b"{") + body.count(b"[") > DEEPEST:
        _check_depth(document)
    if sum(map(body.count, (b",", b"{", b"["))) > MOST_VALUES:
        _check_size(document)
    if SUSPECT.search(body):
        check_text(document)
    return document


def check_text(document: Any) -> None:
    """Raise Invalid with the path of every text and number in `document` that cannot be stored."""
    errors: dict[str, list[str]] = {}
    for path, reason in _unfit(document, ()):
        errors.setdefault(".".join(path) or "body", []).append(reason)
    if errors:
        raise Invalid(errors)


def unfit_text(text: str) -> bool:
    """Say whether `text` cannot be stored: PostgreSQL refuses NUL, and a lone surrogate cannot be encoded."""
    return UNFIT.search(text) is not None


def _read(body: bytes) -> Any:
    try:
        return json.loads(body.decode("utf-8"), object_pairs_hook=_object, parse_constant=_constant)
    except (ValueError, RecursionError) as error:
        raise Malformed("The request body is not valid JSON.") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise Malformed("A JSON object names the same key twice.")
    return found


def _constant(name: str) -> NoReturn:
    raise Malformed(f"{name} is not JSON.")


def _check_depth(document: Any) -> None:
    level = [document]
    for _ in range(DEEPEST + 1):
        level = [inner for outer in level for inner in _children(outer)]
        if not level:
            return
    raise Malformed(f"The JSON is nested deeper than {DEEPEST} levels.")


def _check_size(document: Any) -> None:
    """Limit the values of a body: one may take two or three bytes, and validating a megabyte of them takes a minute."""
    values, level = 0, _children([document])
    while level:
        values += sum(map(len, level))
        level = [inner for outer in level for inner in _children(outer)]
    if values > MOST_VALUES:
        raise Malformed(f"The JSON holds more than {MOST_VALUES} values.")


def _children(value: Any) -> list[Any]:
    values = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [inner for inner in values if isinstance(inner, dict | list)]


def _unfit(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(value, str) and unfit_text(value):
        yield path, "Contains a character that cannot be stored."
    elif isinstance(value, float) and not math.isfinite(value):
        yield path, "Is not a finite number."
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _unfit(inner, (*path, str(index)))
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _unfit_member(name, inner, path)


def _unfit_member(name: str, value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    if unfit_text(name):
        yield path, "Has a name with a character that cannot be stored."
    else:
        yield from _unfit(value, (*path, name))
