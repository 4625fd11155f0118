"""From an upload to numbered lines, without judging them: what can not be divided into lines is refused whole."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from typing import Any

from shop.errors import Invalid

LARGEST = 16 * 1024 * 1024  # bytes
MOST_LINES = 100_000

Line = tuple[int, Any]
"""Its number in the file, from 1, and what stands there: cells of CSV, or the text of a JSON document."""


class Format(StrEnum):
    CSV = "csv"
    JSONL = "jsonl"


def columns_and_lines(
    format: Format, body: bytes, known: Callable[[str], bool], needed: Sequence[str]
) -> tuple[list[str], list[Line]]:
    """The columns that a CSV file names (JSON lines name their own), and the lines that are not blank."""
    text = _text(body)
    columns, lines = _csv(text, known, needed) if format == Format.CSV else ([], list(_jsonl(text)))
    if not lines:
        raise _refused("There is not a single line in it.")
    if len(lines) > MOST_LINES:
        raise _refused(f"{MOST_LINES} lines at most; there are {len(lines)}.")
    return columns, lines


def _text(body: bytes) -> str:
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _refused(f"Is not UTF-8 at byte {error.start}.") from error
    if "\0" in text:
        raise _refused("Contains a character that cannot be stored.")
    return text


def _jsonl(text: str) -> Iterator[Line]:
    return ((number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip())


def _csv(text: str, known: Callable[[str], bool], needed: Sequence[str]) -> tuple[list[str], list[Line]]:
    records = list(_records(text))
    columns = [cell.strip() for cell in records[0][1]] if records else []
    unknown = [column for column in columns if not known(column)]
    missing = [column for column in needed if column not in columns]
    if unknown or missing or len(set(columns)) < len(columns):
        said = f"missing: {', '.join(missing) or 'none'}; unknown: {', '.join(unknown)[:200] or 'none'}"
        raise _refused(f"The first line must name the columns, each once ({said}).")
    return columns, records[1:]


def _records(text: str) -> Iterator[Line]:
    """Each with the line it begins in: a quoted cell may hold line breaks."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    begins = 1
    try:
        for cells in reader:
            if cells:
                yield begins, cells
            begins = reader.line_num + 1
    except csv.Error as error:
        raise _refused(f"Is not CSV: line {begins}, {error}.") from error


def _refused(why: str) -> Invalid:
    return Invalid({"body": [why]})
