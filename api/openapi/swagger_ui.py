"""`/api/docs`: Swagger UI from the package that bundles it, with nothing fetched from elsewhere."""

from __future__ import annotations

import mimetypes
from pathlib import Path

import flask_swagger_ui
from flask import Blueprint, Response, request
from werkzeug.exceptions import NotFound

from api.http.rate_limits import limiter

FILES = Path(flask_swagger_ui.__file__).parent / "dist"
BUNDLED = ("swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png")
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Orderwave API</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="/api/docs/swagger-ui.css">
<link rel="icon" type="image/png" href="/api/docs/favicon-32x32.png">
<div id="docs"></div>
<script src="/api/docs/swagger-ui-bundle.js"></script>
<script src="/api/docs/start.js"></script>
</html>
"""
START = """SwaggerUIBundle({
  url: "/api/openapi.json",
  dom_id: "#docs",
  deepLinking: true,
  displayRequestDuration: true,
  tryItOutEnabled: true,
  validatorUrl: null,
});
"""

docs = Blueprint("docs", __name__, url_prefix="/api/docs")
limiter.exempt(docs)


@docs.get("", strict_slashes=False)
def page() -> Response:
    return Response(PAGE, mimetype="text/html", headers={"Content-Security-Policy": CSP})


@docs.get("/start.js")
def start() -> Response:
    return Response(START, mimetype="text/javascript")


@docs.get("/<name>")
def bundled(name: str) -> Response:
    if name not in BUNDLED:
        raise NotFound
    kind = mimetypes.guess_type(name)[0]
    answer = Response((FILES / name).read_bytes(), mimetype=kind, headers={"Cache-Control": "public, max-age=86400"})
    answer.add_etag()
    return answer.make_conditional(request)  # type: ignore[return-value]
