"""Invariants of the search index."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy.orm import Session

from doctor.checks import invariant
from shop.catalogue import reindexing


@invariant("I17", "every product is found by what is written of it, and by nothing else")
def products_are_found(session: Session) -> Iterator[str]:
    for id in reindexing.stale(session):
        yield f"product {id} is not indexed by its words"
    if not reindexing.is_whole(session):
        yield "the index of words has lost or kept lines"
