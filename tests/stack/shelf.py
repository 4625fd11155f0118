"""The database of a stack, read and written from outside of its processes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, create_engine, text
from sqlalchemy.orm import Session

from db.engines import _sqlite
from shop.catalogue import upsert as catalogue_upsert
from shop.stock import adjustments


class Shelf:
    """Reads and changes the database of a stack, and puts goods into its stock."""

    def __init__(self, url: str) -> None:
        self.engine: Engine = _sqlite(url) if url.startswith("sqlite") else create_engine(url, pool_pre_ping=True)
        self._count = 0

    def rows(self, statement: str, **values: Any) -> list[dict[str, Any]]:
        """Return the rows of a query, without a lock: `rows("SELECT state FROM runs WHERE id = :id", id=job)`."""
        with Session(self.engine.execution_options(reading=True)) as session:
            return [dict(row) for row in session.execute(text(statement), values).mappings()]

    def change(self, statement: str, **values: Any) -> None:
        with self.session() as session:
            session.execute(text(statement), values)

    def add(self, sku: str, *, on_hand: int, price: int) -> None:
        row = {
            "slug": sku.lower(),
            "name": sku.title(),
            "description": "",
            "category": "tests",
            "image_url": "",
            "sku": sku,
            "variant_name": "Plain",
            "options": {},
            "price_cents": price,
            "currency": "EUR",
        }
        with self.session() as session:
            catalogue_upsert.import_rows(session, [row])
            if on_hand:
                adjustments.receive(session, sku, on_hand, "test")

    def new_sku(self) -> str:
        self._count += 1
        return f"THING-{self._count}"

    @contextmanager
    def session(self) -> Iterator[Session]:
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session
