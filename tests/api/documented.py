"""What the OpenAPI document says, operation by operation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flask import Flask

VERBS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True)
class Operation:
    verb: str
    path: str
    parameters: list[dict[str, Any]]
    body: dict[str, Any] | None
    """The schema of its JSON body, written out: no references."""

    def __str__(self) -> str:
        return f"{self.verb} {self.path}"

    @property
    def fields(self) -> set[str]:
        """What a body may say."""
        return {name for name, field in (self.body or {}).get("properties", {}).items() if not field.get("readOnly")}


def document(app: Flask) -> dict[str, Any]:
    told: dict[str, Any] = app.test_client().get("/api/openapi.json").json
    return told


def operations(app: Flask) -> Iterator[Operation]:
    told = document(app)
    for path, item in told["paths"].items():
        for verb in (verb for verb in VERBS if verb in item and path.startswith("/api/")):
            content = item[verb].get("requestBody", {}).get("content", {})
            body = content.get("application/json", {}).get("schema")
            parameters = [*item.get("parameters", []), *item[verb].get("parameters", [])]
            yield Operation(verb, path, parameters, body and _written_out(body, told))


def objects(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every object in it, the outermost first, with the way to it."""
    return ((path, part) for path, part in _parts(schema) if part.get("type") == "object" or "properties" in part)


def lists(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    return ((path, part) for path, part in _parts(schema) if "items" in part)


def _parts(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, schema
    for name, field in schema.get("properties", {}).items():
        yield from _parts(field, f"{path}.{name}")
    for kind in ("anyOf", "oneOf", "allOf"):
        for one in schema.get(kind, ()):
            yield from _parts(one, path)
    if "items" in schema:
        yield from _parts(schema["items"], f"{path}[]")


def _written_out(part: Any, told: dict[str, Any]) -> Any:
    if isinstance(part, list):
        return [_written_out(one, told) for one in part]
    if not isinstance(part, dict):
        return part
    if isinstance(name := part.get("$ref"), str) and name.startswith("#/components/schemas/"):
        return _written_out(told["components"]["schemas"][name.rsplit("/", 1)[1]], told)
    return {key: _written_out(value, told) for key, value in part.items()}
