"""Long lists a page at a time, by the keys of the last row: nothing is held as a whole, nothing skipped twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Select, tuple_
from sqlalchemy.orm import Session

PAGE = 500

Place = tuple[Any, ...]
"""The keys of a row, by which the list is sorted."""


class Page(NamedTuple):
    """`last`: behind which the next page begins; None when there is none."""

    rows: list[dict[str, Any]]
    last: Place | None


Tell = Callable[[Session, str, Place | None], Page]
"""What is known of the customer with this id, behind this place."""


def behind(query: Select[*tuple[Any, ...]], keys: Sequence[Any], after: Place | None) -> Select[*tuple[Any, ...]]:
    """The next PAGE rows of the query, sorted by `keys`, which together are unique."""
    query = query.order_by(*keys).limit(PAGE)
    return query.where(tuple_(*keys) > after) if after else query


def page(rows: Sequence[dict[str, Any]], last: Place | None) -> Page:
    """`last`: the keys of the last of these rows."""
    return Page(list(rows), last if len(rows) == PAGE else None)
