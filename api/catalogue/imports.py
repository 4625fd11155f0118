"""Import and export of the whole catalogue, for staff: an import is a job, an export a stream."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from flask import Response, request
from marshmallow import ValidationError, fields, validate, validates_schema
from sqlalchemy.orm import Session
from werkzeug.exceptions import UnsupportedMediaType

import db
import engine
from api.http.blueprint import Blueprint
from api.http.commands import Answer, accepted, run_command
from api.http.fields import Integer, Moment
from api.http.money import currency
from api.http.schemas import Schema, accepted_with
from api.http.security import STAFF, caller, roles
from shop.catalogue import price_lists
from shop.import_export import exports, imports
from shop.import_export.decoding import SAVE_AS
from shop.import_export.import_rows import NEEDED, PRICE_IN, READERS
from shop.import_export.uploads import FOREIGN, LARGEST, MOST_LINES, Format
from shop.kernel.currencies import OURS
from workflows import import_catalogue

blp = Blueprint("imports", __name__, description="The catalogue: import and export")

FORMATS = {
    "text/csv": Format.CSV,
    "application/x-ndjson": Format.JSONL,
    "application/jsonl": Format.JSONL,
    "application/x-jsonlines": Format.JSONL,
    "application/octet-stream": Format.CSV,  # as some generated clients send every file
}
ABOUT = (
    f"Columns, or names of each object: {', '.join(READERS)}; needed are {', '.join(NEEDED)}. Prices in other "
    f"currencies: {PRICE_IN}USD and so on. UTF-8, or as Excel writes it; at most "
)
_BINARY = {"application/octet-stream": {"format": "binary", "description": "as text/csv"}}
BODY = {
    "required": True,
    "description": f"{ABOUT}{LARGEST // 1024 // 1024} MiB and {MOST_LINES} lines. docs/catalogue.md tells more.",
    "content": {kind: {"schema": {"type": "string"} | _BINARY.get(kind, {})} for kind in FORMATS},
}


class ImportQuery(Schema):
    format = fields.String(
        load_default=None,
        validate=validate.OneOf([*FOREIGN]),
        metadata={"description": "of another shop's product export, as text/csv; without it a file of our own columns"},
    )
    currency = currency(load_default=None, metadata={"description": "of the prices in another shop's file"})

    @validates_schema
    def _of_another_shop(self, query: dict[str, Any], **_: Any) -> None:
        if query["currency"] and not query["format"]:
            raise ValidationError("Only together with format.", "currency")


class LineErrorsSchema(Schema):
    line = Integer(metadata={"description": "of the file, from 1"})
    errors = fields.Dict(keys=fields.String(), values=fields.String(), metadata={"description": "by column"})


class NotTakenSchema(Schema):
    line = Integer(metadata={"description": "of the file; without it, the whole column"})
    column = fields.String()
    why = fields.String()


class ImportSchema(Schema):
    """`done` of `lines` were processed, and `failed` of those were refused; `errors` has the first thousand.

    `not_taken`: what of the file the shop has no field for, or stores in another one.
    """

    id = fields.String()
    format = fields.String(metadata={"enum": [*Format]})
    lines = Integer()
    done = Integer()
    failed = Integer()
    errors = fields.List(fields.Nested(LineErrorsSchema))
    not_taken = fields.List(fields.Nested(NotTakenSchema))
    created_at = Moment()
    updated_at = Moment()


@blp.post("/api/products/import")
@roles(*STAFF)
@blp.doc(requestBody=BODY)
@blp.arguments(ImportQuery, location="query")
@blp.response(202, accepted_with(**{"import": ImportSchema}))
@blp.idempotent
def import_products(query: dict[str, Any]) -> Response:
    """Import products.

    Each line creates or updates a variant; the job's result lists the lines refused. Staff only.
    """
    format = _format(query["format"])
    charset, currency = request.mimetype_params.get("charset"), query["currency"] or OURS
    body = request.get_data()

    def work(session: Session) -> Answer:
        row = imports.accept(session, format, body, caller().id, charset=charset, currency=currency)
        run = engine.start(session, import_catalogue, key=row.id, subject=("import", row.id), by=caller().id)
        return accepted(session, run.id, **{"import": ImportSchema().dump(row)})

    return run_command(work)


@blp.get("/api/products/imports/<uuid:id>")
@roles(*STAFF)
@blp.response(200, ImportSchema)
def get_import(id: UUID) -> imports.ImportRow:
    """Get an import.

    Its progress and its errors. Staff only.
    """
    with db.reading() as session:
        return imports.get(session, str(id))


@blp.get("/api/products/export")
@roles(*STAFF)
@blp.response(200, {"type": "string"}, content_type="text/csv", description="What an import reads")
def export_products() -> Response:
    """Export products.

    All that is for sale, as CSV. Cells that a spreadsheet would run as a formula begin with an apostrophe. Staff only.
    """
    return Response(
        _lines(),
        mimetype="text/csv",
        headers={"Content-Disposition": 'attachment; filename="catalogue.csv"'},
    )


def _lines() -> Iterator[str]:
    with db.reading() as session:
        currencies = price_lists.currencies(session)
    yield exports.header(currencies)
    place: Any = None
    while True:
        with db.reading() as session:
            text, place = exports.page(session, currencies, place)
        if place is None:
            return
        yield text


def _format(foreign: str | None) -> Format:
    kind = FORMATS.get(request.mimetype)
    if foreign and kind == Format.CSV:
        return Format(foreign)
    if kind is None or foreign:
        one_of = "text/csv" if foreign else f"one of {', '.join(FORMATS)}"
        raise UnsupportedMediaType(f"Send the file as {one_of}. A workbook of Excel's: {SAVE_AS}")
    return kind
