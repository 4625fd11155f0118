"""What the shop sells: categories, products, and their variants, each a SKU with a price."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from shop.errors import NotFound
from sql import DOCUMENT, At, Base, Document, Id, new_id, now, upsert

SKU_LENGTH = 64


class CategoryRow(Base):
    """`path` is the whole way down, as `furniture/chairs`, so that a subtree is a prefix."""

    __tablename__ = "categories"

    id: Mapped[Id] = mapped_column(primary_key=True, default=new_id)
    path: Mapped[str] = mapped_column(String(255), unique=True)
    name: Mapped[str] = mapped_column(String(120))


class ProductRow(Base):
    __tablename__ = "products"

    id: Mapped[Id] = mapped_column(primary_key=True, default=new_id)
    slug: Mapped[str] = mapped_column(String(120), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    description: Mapped[str] = mapped_column(default="")
    category_id: Mapped[Id | None] = mapped_column(ForeignKey("categories.id"), index=True)
    images: Mapped[list[str]] = mapped_column(DOCUMENT, default=list)
    status: Mapped[str] = mapped_column(String(20), default="active")  # active | archived
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[At] = mapped_column(default=now())
    updated_at: Mapped[At] = mapped_column(default=now())

    category: Mapped[CategoryRow | None] = relationship(lazy="joined")
    variants: Mapped[list[VariantRow]] = relationship(order_by="VariantRow.position", lazy="selectin")


class VariantRow(Base):
    """One thing that can be put into a cart. `price` is in minor units."""

    __tablename__ = "variants"

    sku: Mapped[str] = mapped_column(String(SKU_LENGTH), primary_key=True)
    product_id: Mapped[Id] = mapped_column(ForeignKey("products.id"), index=True)
    name: Mapped[str] = mapped_column(String(200))
    options: Mapped[Document]
    price: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    position: Mapped[int] = mapped_column(default=0)
    active: Mapped[bool] = mapped_column(default=True)

    product: Mapped[ProductRow] = relationship(back_populates="variants")


def get(session: Session, id: str) -> ProductRow:
    product = session.get(ProductRow, id)
    if product is None or product.status != "active":
        raise NotFound("There is no such product.")
    return product


def sellable(session: Session, skus: Iterable[str]) -> dict[str, VariantRow]:
    """Those of the SKUs that can be bought now, with their prices of this moment."""
    rows = session.scalars(
        select(VariantRow)
        .join(ProductRow)
        .where(VariantRow.sku.in_(list(skus)), VariantRow.active, ProductRow.status == "active")
    )
    return {row.sku: row for row in rows}


def import_rows(session: Session, rows: Sequence[Mapping[str, Any]]) -> int:
    """Put variants, one a row of the catalogue CSV, into the catalogue or bring them up to date.

    Returns the number of rows. Stock is not touched: it has a ledger of its own.
    """
    categories = _categories(session, sorted({row["category"] for row in rows}))
    products = _products(session, rows, categories)
    for position, row in enumerate(rows):
        values = {
            "sku": row["sku"],
            "product_id": products[row["slug"]],
            "name": row["variant_name"],
            "options": row["options"],
            "price": int(row["price_cents"]),
            "currency": row["currency"],
            "position": position,
        }
        _put(session, VariantRow, values, ["sku"])
    return len(rows)


def _categories(session: Session, paths: Sequence[str]) -> dict[str, str]:
    for path in paths:
        for depth in range(1, path.count("/") + 2):
            part = "/".join(path.split("/")[:depth])
            name = part.split("/")[-1].replace("-", " ").capitalize()
            _put(session, CategoryRow, {"id": new_id(), "path": part, "name": name}, ["path"], keep=["id"])
    return dict(session.execute(select(CategoryRow.path, CategoryRow.id)).all())


def _products(session: Session, rows: Sequence[Mapping[str, Any]], categories: Mapping[str, str]) -> dict[str, str]:
    for row in {row["slug"]: row for row in rows}.values():
        values = {
            "id": new_id(),
            "slug": row["slug"],
            "name": row["name"],
            "description": row["description"],
            "category_id": categories[row["category"]],
            "images": [row["image_url"]] if row["image_url"] else [],
        }
        _put(session, ProductRow, values, ["slug"], keep=["id"])
    return dict(session.execute(select(ProductRow.slug, ProductRow.id)).all())


def _put(session: Session, table: Any, values: dict[str, Any], unique: list[str], keep: Sequence[str] = ()) -> None:
    statement = upsert(session, table).values(values)
    fresh = {name: statement.excluded[name] for name in values if name not in (*unique, *keep)}
    session.execute(statement.on_conflict_do_update(index_elements=unique, set_=fresh))
