"""Papers as a page to be printed or as PDF: what Accept says, or the query."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import structlog
from flask import Response, request
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from marshmallow import fields, validate
from werkzeug.exceptions import NotAcceptable

from api import paper_pdf
from api.schemas import Schema
from letters import papers
from letters.papers import Facts, Paper
from shop import sellers

log = structlog.get_logger(__name__)

PAGES = Path(__file__).parent / "pages"
CSP = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
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
    page = _template().render(paper=paper)
    return Response(page, mimetype=HTML, headers={"Content-Security-Policy": CSP, "Vary": "Accept"})


def _as_pdf(paper: Paper, name: str) -> Response:
    inline = f'inline; filename="{name}.pdf"'
    return Response(paper_pdf.render(paper), mimetype=PDF, headers={"Content-Disposition": inline, "Vary": "Accept"})


@cache
def _template() -> Template:
    """Names and addresses are what customers typed: everything is escaped."""
    pages = Environment(loader=FileSystemLoader(PAGES), autoescape=True, undefined=StrictUndefined)
    return pages.get_template("paper.html")
