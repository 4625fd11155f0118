"""Dividing an upload into numbered lines, without validating them; what cannot be divided is refused as a whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from shop.import_export import shopify, woocommerce
from shop.import_export.decoding import FALLBACK, Line, decoded, records, refused, table
from shop.import_export.foreign_files import MOST_NOTES, File, Note, Report
from shop.import_export.import_marks import Marked, marked
from shop.import_export.import_rows import NEEDED, column_of, is_column

LARGEST = 16 * 1024 * 1024  # bytes
MOST_LINES = 100_000
NOTHING = "There is not a single line in it."


class Format(StrEnum):
    CSV = "csv"
    JSONL = "jsonl"
    SHOPIFY = "shopify"
    WOOCOMMERCE = "woocommerce"


FOREIGN = {Format.SHOPIFY: shopify, Format.WOOCOMMERCE: woocommerce}


@dataclass(frozen=True)
class Upload:
    """A divided upload: the columns of a CSV file (JSON lines name their own), the lines, and notes of what is not
    taken."""

    columns: list[str]
    lines: list[Marked]
    not_taken: list[Note] = field(default_factory=list)


def read(format: Format, body: bytes, charset: str | None, currency: str) -> Upload:
    """Divide an upload into lines. `currency`: of the prices in another shop's file. Raises Invalid."""
    text, guessed = decoded(body, charset)
    if not text.strip():
        raise refused(NOTHING)
    if format != Format.JSONL and not text.endswith(("\n", "\r")):
        raise refused("The last line does not end: the file may have been cut off. End it with a line break.")
    report = Report()
    if guessed:
        report.note(f"Is not UTF-8 and was read as {FALLBACK}. If letters are wrong, send a charset with the type.")
    upload = _read(format, text, currency, report)
    if not upload.lines:
        raise refused(NOTHING)
    if len(upload.lines) > MOST_LINES:
        raise refused(f"{MOST_LINES} lines at most; there are {len(upload.lines)}.")
    return upload


def _read(format: Format, text: str, currency: str, report: Report) -> Upload:
    if format == Format.JSONL:
        return Upload([], list(marked([], _jsonl(text))), report.notes)
    if format == Format.CSV:
        columns, lines = _csv(text)
        return Upload(columns, list(marked(columns, lines)), report.notes)
    reader = FOREIGN[format]
    columns, lines = table(records(text, lambda name: name.casefold() in reader.KNOWN))
    file = File(columns, lines, report)
    file.must_have(*reader.NEEDED)
    taken = list(marked([], sorted(reader.lines(file, currency), key=lambda line: line[0])))
    file.note_columns()
    return Upload([], taken, report.notes[:MOST_NOTES])


def _jsonl(text: str) -> Iterator[Line]:
    return ((number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip())


def _csv(text: str) -> tuple[list[str], list[Line]]:
    named, lines = table(records(text, lambda name: is_column(column_of(name))))
    columns = [column_of(name) for name in named]
    wrong = {
        "missing": [column for column in NEEDED if column not in columns],
        "unknown": [name or "(without a name)" for name in named if not is_column(column_of(name))],
        "twice": sorted({column for column in columns if columns.count(column) > 1}),
    }
    if any(wrong.values()):
        said = "; ".join(f"{what}: {', '.join(names)[:200]}" for what, names in wrong.items() if names)
        raise refused(f"The first line must name the columns, each once ({said}).{_hint(named)}")
    return columns, lines


def _hint(columns: Sequence[str]) -> str:
    names = {column.casefold() for column in columns}
    other = next((format for format, reader in FOREIGN.items() if any(names >= mark for mark in reader.MARKS)), None)
    return f" This looks like an export of another shop: send it with ?format={other}." if other else ""
