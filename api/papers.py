"""Papers as a page to be printed or as PDF: what Accept says, or the query."""

from __future__ import annotations

from typing import Any

import structlog
from flask import Response, request
from markupsafe import Markup
from marshmallow import fields, validate
from werkzeug.exceptions import NotAcceptable

from api import paper_pdf, showing
from api.schemas import Schema
from letters import papers
from letters.papers import Facts, Paper
from shop import sellers

log = structlog.get_logger(__name__)

STYLE = Markup((showing.PAGES / "paper.css").read_text())  # noqa: S704 - our own
"""It stands in the page itself, so that a page that was saved keeps it."""
POLICY = f"{showing.CLOSED}style-src {showing.allowed(STYLE)}; form-action 'none'"
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
    """At the start: only production has none unless somebody names one."""
    if not sellers.is_known_here():
        log.warning("no invoices", why="SELLER_NAME, SELLER_ADDRESS and SELLER_VAT_ID or SELLER_TAX_NUMBER are not set")


def kind_of(query: dict[str, Any]) -> str:
    """NotAcceptable if the client takes neither."""
    return KINDS[query["format"]] if query["format"] else _accepted()


def shown(facts: Facts, kind: str, name: str) -> Response:
    """`name`: of the file, without its ending."""
    paper = papers.write(facts)
    return _as_pdf(paper, name) if kind == PDF else _as_page(paper)


def _accepted() -> str:
    wanted = request.accept_mimetypes
    best = wanted.best_match([HTML, PDF]) if wanted else HTML
    if best is None:
        raise NotAcceptable("The paper is text/html or application/pdf.")
    return best


def _as_page(paper: Paper) -> Response:
    page = showing.template("paper.html", paper.language).render(paper=paper, style=STYLE)
    return Response(page, mimetype=HTML, headers={"Content-Security-Policy": POLICY, "Vary": "Accept"})


def _as_pdf(paper: Paper, name: str) -> Response:
    inline = f'inline; filename="{name}.pdf"'
    return Response(paper_pdf.render(paper), mimetype=PDF, headers={"Content-Disposition": inline, "Vary": "Accept"})
