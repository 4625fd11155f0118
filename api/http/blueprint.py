"""The blueprint of every noun: strict arguments, and decorators that document what they require."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from functools import wraps
from typing import Any, TypeVar

import flask
import flask_smorest
from webargs import core
from webargs.flaskparser import FlaskParser, is_json_request
from werkzeug.exceptions import UnsupportedMediaType

from api.http import strict_json
from shop.kernel.errors import Invalid

View = TypeVar("View", bound=Callable[..., Any])

KEY_HEADER = {
    "in": "header",
    "name": "Idempotency-Key",
    "required": False,
    "description": "The same key and body again bring the first answer again and do nothing twice.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}


class StrictParser(FlaskParser):
    """Takes bodies only as application/json (else 415) and queries only of text that can be stored (else 422)."""

    def _raw_load_json(self, req: flask.Request) -> Any:
        body = req.get_data(cache=True)
        if not body:
            return core.missing
        if not is_json_request(req):
            raise UnsupportedMediaType("Send the body as application/json.")
        return strict_json.parse(body)

    def load_querystring(self, req: flask.Request, schema: Any) -> Any:
        strict_json.check_text(req.args.to_dict(flat=False))
        return super().load_querystring(req, schema)


class Blueprint(flask_smorest.Blueprint):
    """A blueprint with strict arguments: `Blueprint("carts", __name__)`. Mark commands with `@blp.idempotent`."""

    ARGUMENTS_PARSER = StrictParser()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._prepare_doc_cbks += [self._prepare_key_doc, self._prepare_name_doc]

    def add_url_rule(self, rule: str, endpoint: Any = None, view_func: Any = None, **options: Any) -> None:
        """Register a view. Its name becomes the operationId; the first line of its docstring is the summary."""
        super().add_url_rule(rule, endpoint, note(view_func, operation=view_func.__name__), **options)

    def arguments(self, schema: Any, *, location: str = "json", required: bool = True, **kwargs: Any) -> Any:
        """Validate the request with `schema`, instantiated once: instantiating it costs more than validating.

        required: an empty JSON body is a 422; if False, it is read as `{}`.
        """
        made = schema() if isinstance(schema, type) else schema
        parsed = super().arguments(made, location=location, required=required, **kwargs)
        return (lambda view: _with_body(parsed(view))) if required and location == "json" else parsed

    @staticmethod
    def idempotent(view: View) -> View:
        """Document that the view takes an Idempotency-Key; `commands.run_command` honours it."""
        return note(view, idempotent=True)

    @staticmethod
    def _prepare_key_doc(doc: dict[str, Any], doc_info: dict[str, Any], **_: Any) -> dict[str, Any]:
        if doc_info.get("idempotent"):
            doc.setdefault("parameters", []).append(dict(KEY_HEADER))
        return doc

    @staticmethod
    def _prepare_name_doc(doc: dict[str, Any], doc_info: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Set the operationId in camel case (`listOrders`), as generators of clients expect it."""
        first, *words = doc_info["operation"].split("_")
        doc["operationId"] = first + "".join(word.capitalize() for word in words)
        doc_info["docstring"]["summary"] = doc_info["docstring"].get("summary", "").removesuffix(".")
        return doc


def _with_body(view: View) -> View:
    """Refuse an empty body: one that got lost on its way must not mean the defaults of all its fields."""

    @wraps(view)
    def demanding(*args: Any, **kwargs: Any) -> Any:
        if not flask.request.get_data(cache=True):
            raise Invalid({"body": ["Missing: this needs a JSON body."]})
        return view(*args, **kwargs)

    return demanding  # type: ignore[return-value]


def note(view: View, **more: Any) -> View:
    """Add entries to the documentation of a view and return the view; the view that it wraps keeps its own."""
    view._apidoc = {**deepcopy(getattr(view, "_apidoc", {})), **more}  # type: ignore[attr-defined]
    return view
