"""Invalidation of cached answers about the catalogue, once a change is committed and never before.

A product's topics are its id and its slug. `LISTS` is every answer that shows many; `TREE` the paths of categories.
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
    """Invalidate products, by ids and slugs, when the transaction commits; `lists`: unless nothing in them differs."""
    topics = [topic(name) for name in products] + ([LISTS] if lists else [])
    if topics:
        at_commit(session, caching.forget, topics)


def tree_changed(session: Session) -> None:
    at_commit(session, caching.forget, [LISTS, TREE])
