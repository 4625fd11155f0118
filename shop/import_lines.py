"""One line of an import: a variant, with what is to be known of its product. Judged by the rules of the catalogue."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from shop import catalogue_rules as rules
from shop.catalogue import SKU_LENGTH
from shop.currencies import CODES, OURS
from shop.money import MOST
from shop.spreadsheets import plain
from shop.stock import MOST_ON_HAND

Read = Callable[[Any], Any]

NEEDED = ("slug", "name", "sku", "price_cents")
PRICE_IN = "price_"
MISSING = "Missing data for required field."
_UNFIT = re.compile("[\0\ud800-\udfff]")
_BREAKS = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029]")


class BadLine(Exception):
    """What is wrong with it, by column."""

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__(errors)
        self.errors = errors


def read_cells(columns: Sequence[str], cells: Sequence[str]) -> dict[str, Any]:
    """A line of CSV as `read_row` gives it."""
    if len(cells) != len(columns):
        raise BadLine({"line": f"Has {len(cells)} cells; there are {len(columns)} columns."})
    return read_row({column: plain(cell.strip()) for column, cell in zip(columns, cells, strict=True) if cell.strip()})


def read_text(text: str) -> dict[str, Any]:
    """A line of JSON as `read_row` gives it."""
    try:
        document = json.loads(text, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise BadLine({"line": "Is not a JSON object."}) from error
    if not isinstance(document, dict):
        raise BadLine({"line": "Is not a JSON object."})
    return read_row({name: value for name, value in document.items() if value is not None})


def read_row(given: Mapping[str, Any]) -> dict[str, Any]:
    """What `catalogue.import_rows` takes; `on_hand` is None where nothing is said. Raises BadLine."""
    errors = {str(name)[:60]: "Unknown field." for name in given if not is_column(name)}
    errors |= {name: MISSING for name in NEEDED if name not in given}
    row: dict[str, Any] = {"description": "", "category": None, "image_url": "", "options": {}, "on_hand": None}
    prices: dict[str, int] = {}
    for name in filter(is_column, given):
        try:
            if name in READERS:
                row[name] = READERS[name](given[name])
            else:
                prices[name.removeprefix(PRICE_IN)] = _price(given[name])
        except ValueError as error:
            errors[name] = str(error)
    if errors:
        raise BadLine(dict(sorted(errors.items())))
    return {"variant_name": row["name"], "currency": OURS, "prices": prices} | row


def is_column(name: str) -> bool:
    """One of those below, or a price in another currency than the shop's: `price_USD`."""
    currency = name.removeprefix(PRICE_IN)
    return name in READERS or (currency != name and currency != OURS and currency in CODES)


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
    return name if name else _no("Must not be empty.")


def _description(value: Any) -> str:
    return _text(value, rules.LONGEST_DESCRIPTION, breaks=True)


def _ruled(problem: Callable[[str], str | None]) -> Read:
    def read(value: Any) -> str:
        text = _text(value, rules.LONGEST_URL)
        why = problem(text)
        return _no(why) if why else text

    return read


def _images(value: Any) -> str:
    """One, or several with spaces between them, or a list."""
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
    "sku": _ruled(lambda sku: rules.sku_problem(sku, SKU_LENGTH)),
    "variant_name": _name,
    "options": _options,
    "price_cents": _price,
    "currency": _currency,
    "on_hand": _number(MOST_ON_HAND),
    "backorder": _yes_or_no,
    "backorder_limit": _number(MOST_ON_HAND - 1),
}
