"""Imports of the catalogue. An upload is stored as pages of lines; a page is applied and deleted in one transaction.

So a page counts once, however often its step is repeated, and a worker that resumes after a crash takes the next one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import count
from typing import Any

from sqlalchemy import ForeignKey, String, cast, delete, exists, select
from sqlalchemy.orm import Mapped, Session, mapped_column

import engine
from db.functions import in_list, in_seconds, transaction_time
from db.schema import DOCUMENT, At, Base, Id, new_id
from shop.catalogue import price_lists
from shop.catalogue import upsert as catalogue_upsert
from shop.catalogue.tables import ProductRow, VariantRow
from shop.import_export import uploads
from shop.import_export.import_rows import MISSING, BadLine, read_cells, read_text
from shop.import_export.uploads import Format
from shop.kernel.currencies import OURS
from shop.kernel.errors import NotFound
from shop.stock import backorders, bulk_receipts
from shop.stock.tables import MovementRow, StockRow

Rows = Mapping[int, dict[str, Any]]
Errors = dict[int, dict[str, str]]
"""Both by line number; errors by column."""

PAGE = 500  # lines
MOST_ERRORS = 1000  # kept in detail; all are counted


class ImportRow(Base):
    """One import. `done` counts the lines that were read, `failed` those of them that were refused."""

    __tablename__ = "imports"

    id: Mapped[Id] = mapped_column(primary_key=True, default=new_id)
    format: Mapped[str] = mapped_column(String(20))
    columns: Mapped[list[str]] = mapped_column(DOCUMENT)
    actor_id: Mapped[Id | None]
    lines: Mapped[int]
    done: Mapped[int] = mapped_column(default=0)
    failed: Mapped[int] = mapped_column(default=0)
    errors: Mapped[list[dict[str, Any]]] = mapped_column(DOCUMENT, default=list)
    not_taken: Mapped[list[dict[str, Any]]] = mapped_column(DOCUMENT, default=list, server_default="[]")
    created_at: Mapped[At] = mapped_column(default=transaction_time())
    updated_at: Mapped[At] = mapped_column(default=transaction_time())


class ImportPageRow(Base):
    """A page of lines still to be applied."""

    __tablename__ = "import_pages"

    import_id: Mapped[Id] = mapped_column(ForeignKey("imports.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    lines: Mapped[list[Any]] = mapped_column(DOCUMENT)


def accept(
    session: Session,
    format: Format,
    body: bytes,
    actor_id: str | None,
    *,
    charset: str | None = None,
    currency: str = OURS,
) -> ImportRow:
    """Store an upload. Its lines are validated when they are applied. `currency`: of prices in another shop's file.

    Raises Invalid when the file as a whole cannot be read.
    """
    upload = uploads.read(format, body, charset, currency)
    row = ImportRow(format=format, columns=upload.columns, actor_id=actor_id, lines=len(upload.lines))
    row.not_taken = upload.not_taken
    session.add(row)
    session.flush()
    pages = zip(count(), range(0, len(upload.lines), PAGE), strict=False)
    session.add_all(
        ImportPageRow(import_id=row.id, number=number, lines=upload.lines[first : first + PAGE])
        for number, first in pages
    )
    session.flush()
    return row


def get(session: Session, id: str) -> ImportRow:
    """Load an import. Raises NotFound."""
    row = session.get(ImportRow, id)
    if row is None:
        raise NotFound("There is no such import.")
    return row


def apply_a_page(session: Session, id: str) -> bool:
    """Apply the next page.

    Returns False when none is left. Locks the import: of two concurrent calls the second takes the page after.
    """
    row = session.scalars(select(ImportRow).where(ImportRow.id == id).with_for_update()).one()
    of_it = select(ImportPageRow).where(ImportPageRow.import_id == id).order_by(ImportPageRow.number)
    page = session.scalars(of_it.limit(1)).first()
    if page is None:
        return False
    errors = _apply(session, row, page.lines)
    row.done += len(page.lines)
    row.failed += len(errors)
    row.errors = (row.errors + errors)[:MOST_ERRORS]
    row.updated_at = transaction_time()
    session.delete(page)
    session.flush()
    return True


def drop_pages(session: Session, ids: Sequence[str]) -> None:
    """Delete the pages that were not applied."""
    session.execute(delete(ImportPageRow).where(ImportPageRow.import_id.in_(ids)))


def prune(session: Session, days: int, batch: int = 500) -> int:
    """Delete uploads that were finished so many days ago, one batch; those under way stay.

    Returns how many were deleted.
    """
    pages = exists().where(ImportPageRow.import_id == ImportRow.id)
    old = select(ImportRow.id).where(ImportRow.updated_at < in_seconds(-86400.0 * days), ~pages)
    ids = session.scalars(old.where(cast(ImportRow.id, String).not_in(engine.busy("import"))).limit(batch)).all()
    session.execute(delete(ImportRow).where(ImportRow.id.in_(ids)))
    return len(ids)


def summary(session: Session, id: str) -> dict[str, Any]:
    """Summarise an import: `{import_id, lines, imported, failed, errors: [{line, errors: {column: why}}],
    errors_left_out, not_taken}`.

    Raises NotFound.
    """
    row = get(session, id)
    counts = {"import_id": id, "lines": row.lines, "imported": row.done - row.failed, "failed": row.failed}
    left_out = row.failed - len(row.errors)
    return {**counts, "errors": row.errors, "errors_left_out": left_out, "not_taken": row.not_taken}


def _apply(session: Session, row: ImportRow, lines: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
    """Apply the lines of a page. Returns the errors of those that were refused."""
    rows, errors = _judged(row, lines)
    errors |= _strangers(session, rows)
    errors |= _incomplete(session, rows, errors)
    good = [one for number, one in rows.items() if number not in errors]
    catalogue_upsert.import_rows(session, good)
    price_lists.put(session, {one["sku"]: one["prices"] for one in good})
    _stock_up(session, good, row)
    return [{"line": number, "errors": errors[number]} for number in sorted(errors)]


def _judged(row: ImportRow, lines: Sequence[Sequence[Any]]) -> tuple[Rows, Errors]:
    rows, errors = {}, {}
    read = partial(read_cells, row.columns) if row.columns else read_text
    for number, content, *marks in lines:
        said = marks[0] if marks else {}
        try:
            if "errors" in said:
                raise BadLine(said["errors"])
            rows[number] = read(content, below="below" in said)
        except BadLine as bad:
            errors[number] = bad.errors
    return rows, errors


def _strangers(session: Session, rows: Rows) -> Errors:
    """Refuse lines whose SKU belongs to another product."""
    query = select(VariantRow.sku, ProductRow.slug).join(ProductRow).where(in_list(VariantRow.sku, "skus"))
    owner = dict(session.execute(query, {"skus": [row["sku"] for row in rows.values()]}).all())
    taken = {number for number, row in rows.items() if owner.get(row["sku"], row["slug"]) != row["slug"]}
    return {number: {"sku": "Belongs to another product."} for number in taken}


def _incomplete(session: Session, rows: Rows, refused: Errors) -> Errors:
    """Refuse new SKUs without a price, and lines of a new product whose line with the name was refused."""
    good = {number: row for number, row in rows.items() if number not in refused}
    unpriced = _unpriced(session, good)
    slugs = set(session.scalars(_SLUGS, {"slugs": [row["slug"] for row in good.values()]}))
    slugs |= {row["slug"] for number, row in good.items() if "name" in row and number not in unpriced}
    nameless = [number for number, row in good.items() if "name" not in row and row["slug"] not in slugs]
    unnamed = {number: {"name": MISSING} for number in nameless}
    return {number: unnamed.get(number, {}) | unpriced.get(number, {}) for number in unnamed.keys() | unpriced.keys()}


def _unpriced(session: Session, rows: Rows) -> Errors:
    """Refuse new SKUs without a price."""
    without = {number: row["sku"] for number, row in rows.items() if "price_cents" not in row}
    there = set(session.scalars(_SKUS, {"skus": list(without.values())})) if without else set()
    why = {"price_cents": f"A SKU that is new needs its price in {OURS}."}
    return {number: why for number, sku in without.items() if sku not in there}


def _stock_up(session: Session, rows: Sequence[Mapping[str, Any]], row: ImportRow) -> None:
    """Receive `on_hand` of SKUs that never had a movement; from then on the ledger decides.

    Set backorder limits as the file says.
    """
    limits = _limits(session, rows)
    wanted = {one["sku"]: one["on_hand"] for one in rows if one.get("on_hand")}
    bulk_receipts.lock(session, limits.keys() | wanted.keys())
    backorders.allow(session, limits)
    known = select(MovementRow.sku).where(in_list(MovementRow.sku, "skus")).distinct()
    there = set(session.scalars(known, {"skus": list(wanted)}))
    bulk_receipts.receive_all(
        session, {sku: wanted[sku] for sku in wanted.keys() - there}, f"import {row.id}", row.actor_id
    )


def _limits(session: Session, rows: Sequence[Mapping[str, Any]]) -> dict[str, int | None]:
    """Collect the backorder limits that change. `backorder` alone leaves an existing limit."""
    said = backorders.limits_of(rows)
    limited = select(StockRow.sku).where(in_list(StockRow.sku, "skus"), StockRow.backorder_limit.is_not(None))
    there = set(session.scalars(limited, {"skus": list(said)})) if said else set()
    kept = {row["sku"] for row in rows if row.get("backorder") and "backorder_limit" not in row} & there
    return {sku: most for sku, most in said.items() if sku not in kept and (most is not None or sku in there)}


_SKUS = select(VariantRow.sku).where(in_list(VariantRow.sku, "skus"))
_SLUGS = select(ProductRow.slug).where(in_list(ProductRow.slug, "slugs"))
