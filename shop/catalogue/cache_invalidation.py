"""Who keeps answers about the catalogue is told what has changed, once that is committed and never before.

A product is known by its id and by its slug. `LISTS` is whatever shows many; `TREE` the paths of categories.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy.orm import Session

import caching
from db import at_commit

LISTS, TREE = "lists", "tree"


def topic(id_or_slug: str) -> str:
    return f"product.{id_or_slug.lower()}"


def changed(session: Session, products: Iterable[str], *, lists: bool = True) -> None:
    """These products, by ids and slugs; lists as well, unless nothing in them is any different."""
    topics = [topic(name) for name in products] + ([LISTS] if lists else [])
    if topics:
        at_commit(session, caching.forget, topics)


def tree_changed(session: Session) -> None:
    at_commit(session, caching.forget, [LISTS, TREE])
