"""Render invoices and credit notes as a page for printing or as PDF, by the query or by Accept."""

from __future__ import annotations

from typing import Any

import structlog
from flask import Response, request
from marshmallow import fields, validate
from werkzeug.exceptions import NotAcceptable

from api.http.schemas import Schema
from api.orders import pdf as paper_pdf
from api.pages import rendering
from api.pages.rendering import PAPER_STYLE
from letters import papers
from letters.papers import Facts, Paper
from shop.invoicing import sellers

log = structlog.get_logger(__name__)

POLICY = f"{rendering.CLOSED}style-src {rendering.allowed(PAPER_STYLE)}; form-action 'none'"
HTML, PDF = "text/html", "application/pdf"
KINDS = {"html": HTML, "pdf": PDF}
TEXT, BYTES = {"type": "string"}, {"type": "string", "format": "binary"}


class PaperQuery(Schema):
    format = fields.String(
        validate=validate.OneOf([*KINDS]),
        load_default=None,
        metadata={"description": "default: what Accept says, or html"},
    )


def warn_of_no_seller() -> None:
    """Log a warning at the start if no seller is set, so that no invoice can be written; production has no default."""
    if not sellers.is_known_here():
        log.warning("no invoices", why="SELLER_NAME, SELLER_ADDRESS and SELLER_VAT_ID or SELLER_TAX_NUMBER are not set")


def kind_of(query: dict[str, Any]) -> str:
    """Return the MIME type to send; raise NotAcceptable if the client accepts neither HTML nor PDF."""
    return KINDS[query["format"]] if query["format"] else _accepted()


def shown(facts: Facts, kind: str, name: str) -> Response:
    """Render the paper as a response of MIME type `kind`; `name` is the file name of the PDF without `.pdf`."""
    paper = papers.write(facts)
    return _as_pdf(paper, name) if kind == PDF else _as_page(paper)


def _accepted() -> str:
    wanted = request.accept_mimetypes
    best = wanted.best_match([HTML, PDF]) if wanted else HTML
    if best is None:
        raise NotAcceptable("The paper is text/html or application/pdf.")
    return best


def _as_page(paper: Paper) -> Response:
    page = rendering.template("paper.html", paper.language).render(paper=paper, style=PAPER_STYLE)
    return Response(page, mimetype=HTML, headers={"Content-Security-Policy": POLICY, "Vary": "Accept"})


def _as_pdf(paper: Paper, name: str) -> Response:
    inline = f'inline; filename="{name}.pdf"'
    return Response(paper_pdf.render(paper), mimetype=PDF, headers={"Content-Disposition": inline, "Vary": "Accept"})
