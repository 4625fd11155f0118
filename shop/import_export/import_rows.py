"""One line of an import: a variant, with columns of its product. Validated by the rules of the catalogue."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from shop.catalogue import rules
from shop.import_export.formula_escaping import plain
from shop.kernel.currencies import CODES, OURS
from shop.kernel.money import MOST
from shop.kernel.skus import SKU_LENGTH
from shop.stock.tables import MOST_ON_HAND

Read = Callable[[Any], Any]

NEEDED = ("slug", "sku")
"""A new product needs its name too, and a new SKU its price; imports.py knows which are new."""
OF_PRODUCT = ("name", "description", "category", "image_url", "tax_class", "status")
EMPTY: Mapping[str, Any] = {
    "description": "",
    "category": None,
    "image_url": "",
    "tax_class": "standard",
    "variant_name": None,
    "options": {},
    "backorder_limit": None,
}
"""What an empty cell means, where its column is there. In any other column an empty cell changes nothing."""
PRICE_IN = "price_"
MISSING = "Missing data for required field."
_SHORTENED = re.compile(r"[0-9]([.,][0-9]+)?[Ee]\+[0-9]+")
_UNFIT = re.compile("[\0\ud800-\udfff]")
_BREAKS = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029]")


class BadLine(Exception):
    """The line is refused. `errors`: what is wrong with it, by column."""

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__(errors)
        self.errors = errors


def read_cells(columns: Sequence[str], cells: Sequence[str], *, below: bool = False) -> dict[str, Any]:
    """Read a line of CSV, as `read_row`."""
    if len(cells) != len(columns):
        raise BadLine({"line": f"Has {len(cells)} cells; there are {len(columns)} columns."})
    return read_row({name: plain(cell.strip()) for name, cell in zip(columns, cells, strict=True)}, below=below)


def read_text(text: str, *, below: bool = False) -> dict[str, Any]:
    """Read a line of JSON, as `read_row`."""
    try:
        document = json.loads(text, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise BadLine({"line": "Is not a JSON object."}) from error
    if not isinstance(document, dict):
        raise BadLine({"line": "Is not a JSON object."})
    return read_row(document, below=below)


def read_row(given: Mapping[str, Any], *, below: bool = False) -> dict[str, Any]:
    """Validate a line and return the row that `catalogue.upsert.import_rows` takes, with `prices` by currency, maybe
    none.

    Columns that the line does not name are left out. `below`: a line further up names the same product; that one may
    empty its texts, this one only adds to them. Raises BadLine.
    """
    said = {name: value for name, value in given.items() if not _is_empty(value)}
    errors = {str(name)[:60]: "Unknown field." for name in given if not is_column(name)}
    errors |= {name: MISSING for name in NEEDED if name not in said}
    row: dict[str, Any] = {name: EMPTY[name] for name in EMPTY.keys() & (given.keys() - said.keys())}
    prices: dict[str, int] = {}
    for name in filter(is_column, said):
        try:
            if name in READERS:
                row[name] = READERS[name](said[name])
            else:
                prices[name.removeprefix(PRICE_IN)] = _price(said[name])
        except ValueError as error:
            errors[name] = str(error)
    if errors:
        raise BadLine(dict(sorted(errors.items())))
    kept = {name: value for name, value in row.items() if name in said or not (below and name in OF_PRODUCT)}
    return _without_lone_limit(kept) | {"prices": prices}


def _is_empty(value: Any) -> bool:
    return value is None or value in ("", [], {}) or (isinstance(value, str) and not value.strip())


def _without_lone_limit(row: dict[str, Any]) -> dict[str, Any]:
    """Drop an empty limit without `backorder`: only together with it does it mean any number."""
    lone = "backorder" not in row and row.get("backorder_limit", 0) is None
    return {name: value for name, value in row.items() if not (lone and name == "backorder_limit")}


def is_column(name: str) -> bool:
    """Tell whether this is a column of an import, or a price in another currency than the shop's: `price_USD`."""
    currency = name.removeprefix(PRICE_IN)
    return name in READERS or (currency not in (name, OURS) and currency in CODES)


def column_of(name: str) -> str:
    """Spell a column as READERS does, whatever its case: spreadsheets like to capitalise a cell."""
    small = name.casefold()
    currency = small.removeprefix(PRICE_IN)
    return small if small in READERS or currency == small else PRICE_IN + currency.upper()


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("the same name twice")
    return found


# --- columns ------------------------------------------------------------------------------------------


def _text(value: Any, longest: int, *, breaks: bool = False) -> str:
    if not isinstance(value, str) or _UNFIT.search(value) or not (breaks or not _BREAKS.search(value)):
        raise ValueError("Must be text" + ("." if breaks else " on a single line."))
    if len(value.strip()) > longest:
        raise ValueError(f"At most {longest} characters.")
    return value.strip()


def _name(value: Any) -> str:
    name = _text(value, rules.LONGEST_NAME)
    return name or _no("Must not be empty.")


def _description(value: Any) -> str:
    return _text(value, rules.LONGEST_DESCRIPTION, breaks=True)


def _ruled(problem: Callable[[str], str | None]) -> Read:
    def read(value: Any) -> str:
        text = _text(value, rules.LONGEST_URL)
        why = problem(text)
        return _no(why) if why else text

    return read


def _images(value: Any) -> str:
    """Read one URL, several with spaces between them, or a list. Returns them with spaces between them."""
    urls = value if isinstance(value, list) else str(value).split()
    why = next((why for url in urls if (why := rules.image_problem(str(url)))), None)
    if why or len(urls) > rules.MOST_IMAGES:
        raise ValueError(why or f"At most {rules.MOST_IMAGES}.")
    return " ".join(urls)


def _options(value: Any) -> dict[str, str]:
    try:
        options = json.loads(value, object_pairs_hook=_unique) if isinstance(value, str) else value
    except (ValueError, RecursionError) as error:
        raise ValueError("Is not a JSON object.") from error
    why = rules.options_problem(options)
    texts = [text for pair in options.items() for text in pair] if not why else []
    if why or any(_UNFIT.search(text) for text in texts):
        raise ValueError(why or "Contains a character that cannot be stored.")
    return dict(options)


def _number(most: int) -> Read:
    def read(value: Any) -> int:
        if type(value) is not int and not (isinstance(value, str) and re.fullmatch(r"[0-9]{1,16}", value)):
            raise ValueError("Must be a whole number.")
        return int(value) if 0 <= int(value) <= most else _no(f"From 0 to {most}.")

    return read


def _yes_or_no(value: Any) -> bool:
    said = str(value).lower() if isinstance(value, str | bool) else ""
    return said == "true" if said in ("true", "false") else bool(_no("Must be true or false."))


def _sku_problem(sku: str) -> str | None:
    if _SHORTENED.fullmatch(sku):
        return f"A spreadsheet has shortened it to {sku}: format the column as text, enter it anew, save again."
    return rules.sku_problem(sku, SKU_LENGTH)


def _one_of(*words: str) -> Read:
    return lambda value: value if value in words else _no(f"Must be one of {', '.join(words)}.")


def _currency(value: Any) -> str:
    return OURS if value == OURS else _no(f"price_cents is in {OURS}; those in other currencies are {PRICE_IN}USD...")


def _no(why: str) -> Any:
    raise ValueError(why)


_price = _number(MOST)

READERS: Mapping[str, Read] = {
    "slug": _ruled(rules.slug_problem),
    "name": _name,
    "description": _description,
    "category": _ruled(rules.path_problem),
    "image_url": _images,
    "sku": _ruled(_sku_problem),
    "variant_name": _name,
    "options": _options,
    "price_cents": _price,
    "currency": _currency,
    "on_hand": _number(MOST_ON_HAND),
    "backorder": _yes_or_no,
    "backorder_limit": _number(MOST_ON_HAND - 1),
    "tax_class": _ruled(rules.tax_class_problem),
    "status": _one_of("active", "archived"),
    "active": _yes_or_no,
}
