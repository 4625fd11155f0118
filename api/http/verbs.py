"""The verbs of a path. Where it matches two rules (`/api/products/import`, a product called `import`) the more literal
one counts."""

from __future__ import annotations

from flask import Flask, request
from werkzeug.exceptions import HTTPException
from werkzeug.routing import MapAdapter, Rule

VERBS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def of_this_path(app: Flask) -> list[str]:
    """Return the verbs of this request's path, OPTIONS and (with GET) HEAD among them; empty for an unknown path."""
    adapter = app.create_url_adapter(request)
    rules = [rule for verb in VERBS if adapter and (rule := _rule(adapter, verb))]
    nearest = min(rules, key=lambda rule: len(rule.arguments)).rule if rules else ""
    return sorted({verb for rule in app.url_map.iter_rules() if rule.rule == nearest for verb in rule.methods or ()})


def _rule(adapter: MapAdapter, verb: str) -> Rule | None:
    try:
        return adapter.match(method=verb, return_rule=True)[0]
    except HTTPException:
        return None
