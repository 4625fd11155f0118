"""Pages by cursor: a cursor is the sort key of the last item, so that no item is skipped or listed twice."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from shop.kernel.errors import Invalid
from shop.kernel.times import in_bounds

T = TypeVar("T")


def an_id(value: Any) -> str:
    return str(UUID(value))


def an_integer(value: Any) -> int:
    if type(value) is not int or abs(value) >= 2**63:
        raise ValueError("no whole number")
    return value


def a_text(value: Any) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise ValueError("no text")
    value.encode()
    return value


def a_moment(value: Any) -> datetime:
    return in_bounds(datetime.fromisoformat(value))


def position(cursor: str | None, *kinds: Callable[[Any], Any]) -> tuple[Any, ...] | None:
    """Decode `cursor`: one value for each of `kinds` (`an_id`, `an_integer`, `a_text`, `a_moment`); None for None.

    Raises Invalid for a cursor that this list did not give out.
    """
    if cursor is None:
        return None
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        return tuple(kind(value) for kind, value in zip(kinds, values, strict=True))
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise Invalid({"cursor": ["Is not a cursor that this list gave out."]}) from error


def start(cursor: str | None, kind: Callable[[Any], T]) -> T | None:
    """Decode the cursor of a list that is sorted by one key, as `position` does."""
    found = position(cursor, kind)
    return found[0] if found else None


def page(rows: Sequence[T], limit: int, key: Callable[[T], Sequence[Any]]) -> dict[str, Any]:
    """Make the body of a page, for `@blp.response(200, page_of(...))`.

    rows: `limit + 1` were asked for; the one too many only shows that there is a next page.
    key: the sort key of a row, from which the cursor of the next page is made.
    """
    items = rows[:limit]
    more = len(rows) > limit
    return {"items": items, "next": _cursor(key(items[-1])) if more else None}


def _cursor(key: Sequence[Any]) -> str:
    plain = [value.isoformat() if isinstance(value, datetime) else value for value in key]
    return base64.urlsafe_b64encode(json.dumps(plain, separators=(",", ":")).encode()).decode().rstrip("=")
