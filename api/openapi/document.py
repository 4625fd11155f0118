"""The OpenAPI 3.1 document, made from the code it describes."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, cast

import flask_smorest
from apispec.ext.marshmallow import MarshmallowPlugin
from flask import Flask

from api.http.problems import MIMETYPE, http_error
from api.http.schemas import ProblemSchema

BEARER = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
ABOUT = "Commands answer 202 and run as durable jobs. Every error is a problem document (RFC 9457)."


class Api(flask_smorest.Api):
    """Documents every operation's errors as problem documents."""

    ERROR_SCHEMA = ProblemSchema

    def __init__(self, app: Flask) -> None:
        app.config.update(
            API_TITLE="Orderwave",
            API_VERSION="1",
            OPENAPI_VERSION="3.1.0",
            OPENAPI_URL_PREFIX="/api",
            OPENAPI_JSON_PATH="openapi.json",
            API_SPEC_OPTIONS={"info": {"description": ABOUT}},
        )
        # False, which its types do not allow, means no component: the schema is written where it is used.
        marshmallow = MarshmallowPlugin(cast(Any, _component_name))
        super().__init__(app, spec_kwargs={"marshmallow_plugin": marshmallow})
        assert marshmallow.converter  # made by the line before
        marshmallow.converter.add_attribute_function(_readable_pattern)
        self.spec.components.security_scheme("bearer", BEARER)

    def _register_responses(self) -> None:
        content = {MIMETYPE: {"schema": ProblemSchema}}
        for status in HTTPStatus:
            response = {"description": status.phrase, **({"content": content} if status >= 400 else {})}
            self.spec.components.response(status.name, response, lazy=True)
        self.spec.components.response("DEFAULT_ERROR", {"description": "Any other problem", "content": content})

    def handle_http_exception(self, error: Any) -> Any:
        return http_error(error)


def _readable_pattern(_: Any, __: Any, *, ret: dict[str, Any], **___: Any) -> dict[str, Any]:
    """Write `$` for Python's `\\Z`: JSON Schema reads patterns as JavaScript does, where `\\Z` is the letter Z."""
    return {"pattern": ret["pattern"].replace(r"\Z", "$")} if "pattern" in ret else {}


def _component_name(schema: Any) -> str | bool:
    """Return the component's name, `Order` for OrderSchema; False keeps `only`, `exclude` and `partial` inline."""
    kind = schema if isinstance(schema, type) else type(schema)
    varied = not isinstance(schema, type) and (schema.only or schema.exclude or schema.partial)
    return False if varied else kind.__name__.removesuffix("Schema")
