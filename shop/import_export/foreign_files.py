"""What the readers of other shops' exports share: columns by name, decimal prices, HTML, and notes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import nh3
from anyascii import anyascii

from shop.catalogue import rules
from shop.catalogue.search_words import fold
from shop.import_export.decoding import Line, refused
from shop.import_export.import_rows import PRICE_IN, BadLine, read_row
from shop.kernel.currencies import OURS
from shop.kernel.decimals import minor_units
from shop.kernel.skus import SKU_LENGTH

MOST_NOTES = 1000
NOTHING_LIKE_IT = "There is nothing like it in this shop."

Note = dict[str, Any]
"""`{line?, column?, why}`: something in the file that was not taken."""

Row = dict[str, str]
Errors = dict[str, str]


@dataclass
class Report:
    notes: list[Note] = field(default_factory=list)

    def note(self, why: str, column: str | None = None, line: int | None = None) -> None:
        if len(self.notes) < MOST_NOTES:
            said = {"line": line, "column": column, "why": why}
            self.notes.append({name: value for name, value in said.items() if value is not None})


class File:
    """A file's lines as cells by column, whatever the case of the names; it remembers which columns were read."""

    def __init__(self, columns: Sequence[str], lines: Sequence[Line], report: Report) -> None:
        self.report = report
        self.columns = {column.casefold(): column for column in columns}
        self.asked: set[str] = set()
        names = [column.casefold() for column in columns]
        self.rows = [(number, _by_name(names, cells)) for number, cells in lines if len(cells) == len(names)]
        self.broken = [number for number, cells in lines if len(cells) != len(names)]

    def must_have(self, *columns: Sequence[str]) -> None:
        """Raise Invalid unless the file has at least one name of each of `columns`."""
        missing = [one[0] for one in columns if not self.has(one)]
        if missing:
            raise refused(f"The first line must name the columns. Missing: {', '.join(missing)}.")

    def has(self, names: Iterable[str]) -> bool:
        return any(name.casefold() in self.columns for name in names)

    def cell(self, row: Row, names: Sequence[str]) -> str:
        """Return the first non-empty cell of these columns, "" when all are empty."""
        keys = [name.casefold() for name in names]
        self.asked.update(keys)
        return next((row[key] for key in keys if row.get(key)), "")

    def note_columns(self) -> None:
        """Note the columns that were never read, where there is anything in them."""
        for key, column in self.columns.items():
            if key not in self.asked and any(row.get(key) for _, row in self.rows):
                self.report.note(NOTHING_LIKE_IT, column)

    def broken_lines(self) -> Iterator[tuple[int, str, Errors]]:
        return ((number, "", {"line": f"Has not {len(self.columns)} cells."}) for number in self.broken)


@dataclass
class Product:
    """A product of the file.

    `texts`: its columns of an import; `variants`: line number, columns, and errors of each.
    """

    slug: str
    name: str
    line: int
    texts: dict[str, Any] = field(default_factory=dict)
    variants: list[tuple[int, dict[str, Any], Errors]] = field(default_factory=list)


def as_lines(products: Iterable[Product]) -> Iterator[tuple[int, str, Errors]]:
    """Turn products into JSON lines as an import reads them: (number, text, errors).

    A product's texts go into its first line without an error.
    """
    for product in products:
        said = False
        for number, variant, errors in product.variants:
            row = {"slug": product.slug, "name": product.name, **variant}
            fits = not errors and _is_good(row)
            yield number, json.dumps(row if said or not fits else row | product.texts), errors
            said = said or fits


class Slugs:
    """Assigns slugs to products that the other shop names in its own way; two of them never share one.

    One that is taken, or means something else here, gets a number.
    """

    def __init__(self) -> None:
        self._taken: dict[str, str] = {}

    def of(self, key: str, text: str) -> str:
        slug = text if rules.slug_problem(text) is None else slug_of(text)
        free = (one for one in _numbered(slug) if not rules.is_reserved(one))
        return next(one for one in free if self._taken.setdefault(one, key) == key)


def _numbered(slug: str) -> Iterator[str]:
    stem = slug[: rules.LONGEST_SLUG - 5].rstrip("-")
    return chain([slug], (f"{stem}-{n}" for n in range(2, 9999)))


def slug_of(text: str) -> str:
    return re.sub("[^a-z0-9]+", "-", anyascii(fold(text)).lower())[: rules.LONGEST_SLUG].strip("-")


def sku_of(*parts: str) -> str:
    """Build a SKU for a variant that has none."""
    return "-".join(slug_of(part).upper() for part in parts if slug_of(part))[:SKU_LENGTH].strip("-")


def path_of(category: str) -> str | None:
    """Build a category's path: `Home & Garden > Chairs` is `home-garden/chairs`. None: there is no category."""
    return "/".join(slug for part in category.split(">") if (slug := slug_of(part))) or None


def described(file: File, html: str, column: str, number: int) -> str:
    """Clean a description of scripts and styles. One that is too long is noted and left out."""
    clean = nh3.clean(html.strip()) if "<" in html else html.strip()
    if len(clean) <= rules.LONGEST_DESCRIPTION:
        return clean
    file.report.note(f"At most {rules.LONGEST_DESCRIPTION} characters.", column, number)
    return ""


def pictures(file: File, found: Iterable[tuple[int, str, str]]) -> list[str]:
    """Filter `(line, column, url)` to the URLs that a page can show, each once. The others are noted."""
    urls: list[str] = []
    for number, column, url in found:
        why = rules.image_problem(url) or (f"At most {rules.MOST_IMAGES}." if len(urls) >= rules.MOST_IMAGES else None)
        if url in urls:
            continue
        if why:
            file.report.note(why, column, number)
        else:
            urls.append(url)
    return urls


def for_sale(
    file: File,
    number: int,
    row: Row,
    *,
    price: Sequence[str],
    stock: Sequence[str],
    backorder: bool | None,
    currency: str,
) -> tuple[dict[str, Any], Errors]:
    """Read a variant's price and stock. Returns its columns, and the errors of the price.

    `backorder`: None, the file does not say.
    """
    said: dict[str, Any] = {} if backorder is None else {"backorder": backorder}
    there = file.cell(row, stock)
    if there.isdecimal():
        said["on_hand"] = int(there)
    elif there:
        file.report.note("Is no number of goods from 0 up.", stock[0], number)
    try:
        cents = minor_units(file.cell(row, price), currency)
    except ValueError as error:
        return said, {price[0]: str(error)}
    return said | {"price_cents" if currency == OURS else PRICE_IN + currency: cents}, {}


def _by_name(names: Sequence[str], cells: Sequence[str]) -> Row:
    return {name: cell.strip() for name, cell in zip(names, cells, strict=True)}


def _is_good(row: Mapping[str, Any]) -> bool:
    try:
        read_row(row)
    except BadLine:
        return False
    return True
