"""Keyset pagination: each page begins behind the keys of the last row.

So no list is held as a whole, and no row is skipped or read twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Select, tuple_
from sqlalchemy.orm import Session

PAGE = 500

Place = tuple[Any, ...]
"""The values of the columns by which the list is sorted, of one row."""


class Page(NamedTuple):
    """One page of rows. `last`: the keys to ask for the next page with; None when this is the last page."""

    rows: list[dict[str, Any]]
    last: Place | None


Tell = Callable[[Session, str, Place | None], Page]
"""Reads one page of what is stored about a customer: (session, user id, keys of the last row or None)."""


def behind(query: Select[*tuple[Any, ...]], keys: Sequence[Any], after: Place | None) -> Select[*tuple[Any, ...]]:
    """Restrict `query` to the first PAGE rows behind `after`. `keys` are sorted by and must be unique together."""
    query = query.order_by(*keys).limit(PAGE)
    return query.where(tuple_(*keys) > after) if after else query


def page(rows: Sequence[dict[str, Any]], last: Place | None) -> Page:
    """Make a Page of the rows of a `behind` query.

    `last`: the keys of the last of these rows; None if there are none.
    """
    return Page(list(rows), last if len(rows) == PAGE else None)
