"""Refuse what the OpenAPI document does not name, on every path and verb, so that no client believes it had an effect.

Bodies with a schema refuse unknown fields themselves. This module checks queries, and bodies sent to operations that
take none; what an operation takes is read from the same document that clients read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any

import flask_smorest
from flask import Flask, request
from webargs.flaskparser import is_json_request
from werkzeug.exceptions import UnsupportedMediaType

from api.http import strict_json
from api.http.problems import MOST_ERRORS
from shop.kernel.errors import Invalid

UNKNOWN = "Unknown field."  # as bodies with a schema say it
TWICE = "Is given more than once."
NO_BODY = "This operation takes no body."
_CONVERTED = re.compile(r"<(?:\w+:)?(\w+)>")


@dataclass(frozen=True)
class Takes:
    """What an operation takes: its query parameters, those of them that may be repeated, and whether it has a body."""

    query: frozenset[str]
    repeatable: frozenset[str]
    body: bool

    @classmethod
    def of(cls, operation: Mapping[str, Any], shared: list[Any]) -> Takes:
        told = [one for one in (*shared, *operation.get("parameters", ())) if one.get("in") == "query"]
        lists = {one["name"] for one in told if one.get("schema", {}).get("type") == "array"}
        return cls(frozenset(one["name"] for one in told), frozenset(lists), "requestBody" in operation)


class Gate:
    """Checks a request against the document before its view is called."""

    def __init__(self, api: flask_smorest.Api) -> None:
        self._api = api

    @cached_property
    def _documented(self) -> dict[tuple[str, str], Takes]:
        """What each operation takes, by verb and path; made with the first request, as it would slow down the start."""
        paths = self._api.spec.to_dict()["paths"].items()
        every = [(path, verb, item) for path, item in paths for verb in item if verb != "parameters"]
        return {(verb.upper(), path): Takes.of(item[verb], item.get("parameters", [])) for path, verb, item in every}

    def check(self) -> None:
        """Raise Invalid (422) for an unknown or repeated parameter or a body that the operation does not take, and
        UnsupportedMediaType (415) where that body is not JSON. Paths outside the document, such as pages, pass."""
        takes = self._takes()
        if takes is None:
            return
        if request.args:
            _check_query(takes)
        if not takes.body and (request.content_length or request.content_length is None):
            _check_no_body()

    def _takes(self) -> Takes | None:
        if request.url_rule is None:
            return None
        verb = "GET" if request.method == "HEAD" else request.method
        return self._documented.get((verb, _CONVERTED.sub(r"{\1}", request.url_rule.rule)))


def init_app(app: Flask, api: flask_smorest.Api) -> None:
    """Check every request against the document. Call it after the other hooks, so that rate limits come first."""
    app.before_request(Gate(api).check)


def _check_query(takes: Takes) -> None:
    strict_json.check_text(request.args.to_dict(flat=False))
    errors = {name: [UNKNOWN] for name in request.args if name not in takes.query}
    repeated = [name for name, values in request.args.lists() if len(values) > 1 and name not in takes.repeatable]
    errors |= {name: [TWICE] for name in repeated if name not in errors}
    _refuse(errors)


def _check_no_body() -> None:
    """Refuse a body, except an empty object: some clients always send one."""
    body = request.get_data()
    if not body.strip():
        return
    if not is_json_request(request):
        raise UnsupportedMediaType(NO_BODY)
    document = strict_json.parse(body)
    _refuse({name: [UNKNOWN] for name in document} if isinstance(document, dict) else {"body": [NO_BODY]})


def _refuse(errors: dict[str, list[str]]) -> None:
    if errors:
        raise Invalid(dict(islice(errors.items(), MOST_ERRORS)))
