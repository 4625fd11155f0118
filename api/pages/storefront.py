"""The pages that links in mails lead to: they hand the token to the API, or sign the customer in."""

from __future__ import annotations

import mimetypes

from flask import Blueprint, Response
from werkzeug.exceptions import NotFound

from api.pages import rendering

FILES = rendering.PAGES
PAGES = frozenset({"reset-password", "verify-email", "unsubscribe", "order", "cart", "product"})
PARTS = frozenset({"account.css", "account.js", "shop.js", "order.js", "cart.js", "product.js"})
# An invoice that the page of an order shows has the policy of that page: its style must be let in here too.
STYLES = f"style-src 'self' {rendering.allowed(rendering.PAPER_STYLE)}"
POLICY = f"script-src 'self'; {STYLES}; connect-src 'self'; form-action 'none'"

blp = Blueprint("account_pages", __name__, url_prefix="/account")


@blp.get("/<name>")
def page(name: str) -> Response:
    if name in PAGES:
        return rendering.page(name, POLICY)
    if name not in PARTS:
        raise NotFound
    return Response((FILES / name).read_bytes(), mimetype=mimetypes.guess_type(name)[0])
