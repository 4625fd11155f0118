"""Escaping of cells that a spreadsheet would run as a formula: an apostrophe in front makes them text."""

from __future__ import annotations

import re

_DANGEROUS = re.compile(r"'*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")  # also in full width, as Excel reads them


def defused(cell: str) -> str:
    return f"'{cell}" if _DANGEROUS.match(cell) else cell


def plain(cell: str) -> str:
    """Undo `defused`."""
    return cell[1:] if cell.startswith("'") and _DANGEROUS.match(cell) else cell
