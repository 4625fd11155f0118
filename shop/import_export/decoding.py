"""Decoding uploads into cells, as Excel writes them: whatever the encoding, delimiter and empty columns."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from shop.kernel.errors import Invalid

Line = tuple[int, Any]
"""A line's number in the file, from 1, and its content: cells of CSV, or the text of a JSON document."""

DELIMITERS = ",;\t|"
FALLBACK = "windows-1252"
BOOKS = {
    b"PK\x03\x04": "This is an Excel workbook (.xlsx) or another archive",
    b"\xd0\xcf\x11\xe0": "This is an old Excel workbook (.xls)",
}
SAVE_AS = "save it in Excel by File > Save As > CSV UTF-8 (Comma delimited), and send that file."
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_SEPARATOR = re.compile(r'"?sep=(.)"?\r?\n', re.IGNORECASE)


def refused(why: str) -> Invalid:
    """Build an Invalid that refuses the whole file."""
    return Invalid({"body": [why]})


def decoded(body: bytes, charset: str | None) -> tuple[str, bool]:
    """Decode an upload. Returns the text, and whether its encoding was guessed.

    `charset`: what the client declares. Without it UTF-8, or UTF-16 with its mark, or else FALLBACK, which Excel writes
    in the west. Raises Invalid.
    """
    for magic, what in BOOKS.items():
        if body.startswith(magic):
            raise refused(f"{what}: {SAVE_AS}")
    if body.startswith(_UTF_16):
        return _decode(body, "utf-16"), False
    if charset and _is_other(charset):
        return _decode(body, charset), False
    try:
        return _storable(body.decode("utf-8-sig")), False
    except UnicodeDecodeError as error:
        if charset:
            raise refused(f"Is not UTF-8 at byte {error.start}.") from error
    return _decode(body, FALLBACK), True


def records(text: str, known: Callable[[str], bool]) -> list[tuple[int, list[str]]]:
    """Split CSV into records, each with the line it begins in; empty ones are left out, the first names the columns.

    The delimiter is the one by which most of the columns are `known`, or what a first line `sep=;` says. Raises
    Invalid.
    """
    said = _SEPARATOR.match(text)
    if said:
        return list(_records(text[said.end() :], said[1], begins=2))
    return list(_records(text, max(DELIMITERS, key=lambda delimiter: _known(text, delimiter, known))))


def table(all_of_them: Sequence[tuple[int, list[str]]]) -> tuple[list[str], list[Line]]:
    """Divide records into the column names and the lines below.

    Empty cells behind the last named column are dropped.
    """
    names = [cell.strip() for cell in all_of_them[0][1]] if all_of_them else []
    while names and not names[-1]:
        names.pop()
    return names, [(number, _cut(cells, len(names))) for number, cells in all_of_them[1:]]


def _cut(cells: list[str], width: int) -> list[str]:
    return cells[:width] if not any(cell.strip() for cell in cells[width:]) else cells


def _known(text: str, delimiter: str, known: Callable[[str], bool]) -> int:
    try:
        first = next(_records(text, delimiter), (1, []))
    except Invalid:
        return 0
    return sum(known(cell.strip()) for cell in first[1])


def _records(text: str, delimiter: str, begins: int = 1) -> Iterator[tuple[int, list[str]]]:
    """Read records with this delimiter. A quoted cell may hold line breaks."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=delimiter)
    before = begins - 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield begins, cells
            begins = before + reader.line_num + 1
    except csv.Error as error:
        raise refused(f"Is not CSV: line {begins}, {error}.") from error


def _is_other(charset: str) -> bool:
    try:
        return codecs.lookup(charset).name not in ("utf-8", "utf-8-sig")
    except LookupError as error:
        raise refused(f"Nobody knows the charset {charset[:40]}.") from error


def _decode(body: bytes, charset: str) -> str:
    try:
        return _storable(body.decode(charset))
    except (UnicodeError, LookupError) as error:
        raise refused(f"Is neither UTF-8 nor {charset[:40]}: {str(error)[:200]}.") from error


def _storable(text: str) -> str:
    if "\0" in text:
        raise refused("Contains a NUL character, as UTF-16 without its mark does: save the file as UTF-8.")
    return text
