"""What a line of an import can only know from those above: whether its product, or its SKU, was named already."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

Marked = tuple[int, Any, dict[str, Any]]
"""A line's number and content, and its marks: `below`: True, and `errors` by column."""


def marked(columns: Sequence[str], lines: Iterable[tuple[Any, ...]]) -> Iterator[Marked]:
    """Mark the lines.

    `columns`: of the cells; without them the lines are JSON. A line may bring errors as a third part.
    """
    products: set[str] = set()
    places: dict[str, int] = {}
    for number, content, *errors in lines:
        slug, sku = _names(columns, content)
        marks: dict[str, Any] = {"below": True} if slug in products else {}
        if places.setdefault(sku, number) != number and sku:
            marks["errors"] = {"sku": f"Stands in line {places[sku]} already."}
        if errors and errors[0]:
            marks["errors"] = errors[0]
        products |= {slug} - {""}
        yield number, content, marks


def _names(columns: Sequence[str], content: Any) -> tuple[str, str]:
    """Read slug and SKU of a line, "" where it has none."""
    given = dict(zip(columns, content, strict=False)) if columns else _document(content)
    slug, sku = given.get("slug"), given.get("sku")
    return slug.strip() if isinstance(slug, str) else "", sku.strip() if isinstance(sku, str) else ""


def _document(text: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return {}  # reported when the line is read
    return document if isinstance(document, dict) else {}
