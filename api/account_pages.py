"""Where the links in mails lead: small pages that hand the token to the API, or sign somebody in."""

from __future__ import annotations

import mimetypes
from pathlib import Path

from flask import Blueprint, Response
from werkzeug.exceptions import NotFound

FILES = Path(__file__).parent / "pages"
PAGES = frozenset({"reset-password", "verify-email", "order", "cart", "product"})
PARTS = frozenset({"account.css", "account.js", "shop.js", "order.js", "cart.js", "product.js"})
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

blp = Blueprint("account_pages", __name__, url_prefix="/account")


@blp.get("/<name>")
def page(name: str) -> Response:
    if name not in PAGES | PARTS:
        raise NotFound
    file = FILES / (f"{name}.html" if name in PAGES else name)
    kind = mimetypes.guess_type(file.name)[0]
    return Response(file.read_bytes(), mimetype=kind, headers={"Content-Security-Policy": CSP})
