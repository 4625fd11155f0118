"""The index of variants' options, for filters and counts: `White`, `white` and `WHITE` are one value."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.bulk import inserting
from db.functions import in_list
from db.schema import Base, Id
from db.statements import table_of
from shop.catalogue.rules import MOST_OPTIONS
from shop.catalogue.search_words import fold
from shop.catalogue.tables import VariantRow
from shop.kernel.errors import Invalid
from shop.kernel.skus import SKU_LENGTH

_KEY = Text().with_variant(Text(collation="C"), "postgresql")


class VariantOptionRow(Base):
    """One option of an active variant. `name` and `value` are folded; `shown_*` is how they are written."""

    __tablename__ = "variant_options"

    sku: Mapped[str] = mapped_column(String(SKU_LENGTH), ForeignKey("variants.sku"), primary_key=True)
    name: Mapped[str] = mapped_column(_KEY, primary_key=True)
    value: Mapped[str] = mapped_column(_KEY)
    product_id: Mapped[Id] = mapped_column(ForeignKey("products.id"), index=True)
    shown_name: Mapped[str] = mapped_column(Text)
    shown_value: Mapped[str] = mapped_column(Text)

    __table_args__ = (Index("ix_variant_options_value", "name", "value", "sku"),)


LONGEST_KEY = 200
Options = Mapping[str, Sequence[str]]
"""The options searched for, by name: any of these values."""


def key(text: str) -> str:
    """Fold a name or value to how it is indexed."""
    return " ".join(fold(text).split())[:LONGEST_KEY]


def asked(wishes: Sequence[str]) -> Options:
    """Parse filters such as `color:white`, values of one name together. Raises Invalid."""
    options: dict[str, list[str]] = defaultdict(list)
    for wish in wishes:
        name, _, value = wish.partition(":")
        if not key(name) or not key(value):
            raise Invalid({"option": ["Must be a name and a value, like color:white."]})
        options[key(name)].append(key(value))
    if len(options) > MOST_OPTIONS:
        raise Invalid({"option": [f"At most {MOST_OPTIONS} names."]})
    return options


def put(session: Session, ids: Sequence[str]) -> None:
    """Reindex the options of these products' variants. The caller has locked the products."""
    session.execute(delete(VariantOptionRow).where(in_list(VariantOptionRow.product_id, "ids")), {"ids": list(ids)})
    rows = [row for of_product in written(session, ids).values() for row in of_product]
    if rows:
        _PUT(session, rows)


def written(session: Session, ids: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """Build the index rows of each product from its active variants, sorted by SKU."""
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for id, sku, options in session.execute(_VARIANTS, {"ids": list(ids)}):
        rows[id] += entries(id, sku, options)
    return rows


def entries(product_id: str, sku: str, options: Mapping[str, str]) -> list[dict[str, Any]]:
    """Build the index rows of one variant. Of names that fold alike the first counts."""
    keyed = {key(name): (name, value) for name, value in reversed([*options.items()])}
    shown = {"sku": sku, "product_id": product_id}
    return [
        {**shown, "name": name, "value": key(value), "shown_name": written, "shown_value": value}
        for name, (written, value) in sorted(keyed.items())
    ]


def stale(session: Session, ids: Sequence[str]) -> list[str]:
    """List those of the products whose index rows differ from their variants."""
    columns = [getattr(VariantOptionRow, name) for name in _COLUMNS]
    there = select(*columns).where(in_list(VariantOptionRow.product_id, "ids")).order_by(*columns[:2])
    known: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in session.execute(there, {"ids": list(ids)}).mappings():
        known[row["product_id"]].append(dict(row))
    wanted = written(session, ids)
    return [id for id in ids if _in_order(known[id]) != _in_order(wanted[id])]


def _in_order(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: (row["sku"], row["name"]))


_COLUMNS = ("sku", "name", "value", "product_id", "shown_name", "shown_value")
_VARIANTS = (
    select(VariantRow.product_id, VariantRow.sku, VariantRow.options)
    .where(VariantRow.active, in_list(VariantRow.product_id, "ids"))
    .order_by(VariantRow.sku)
)
_PUT = inserting(table_of(VariantOptionRow), *_COLUMNS)
