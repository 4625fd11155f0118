"""Where the links in mails lead: small pages that hand the token to the API."""

from __future__ import annotations

import mimetypes
from pathlib import Path

from flask import Blueprint, Response
from werkzeug.exceptions import NotFound

FILES = Path(__file__).parent / "pages"
NAMES = {"reset-password": ".html", "verify-email": ".html", "account.css": "", "account.js": "",
         "order": ".html", "order.js": ""}  # fmt: skip
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

blp = Blueprint("account_pages", __name__, url_prefix="/account")


@blp.get("/<name>")
def page(name: str) -> Response:
    if name not in NAMES:
        raise NotFound
    file = FILES / (name + NAMES[name])
    kind = mimetypes.guess_type(file.name)[0]
    return Response(file.read_bytes(), mimetype=kind, headers={"Content-Security-Policy": CSP})
