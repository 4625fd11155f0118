"""What the shop sells: categories, products, and their variants, each a SKU with a price."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from rows import inserting
from shop import freshness, search_index
from shop.errors import NotFound
from sql import DOCUMENT, At, Base, Document, Id, among, bare, new_id, now

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
    tax_class: Mapped[str] = mapped_column(String(20), default="standard", server_default="standard")
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


def import_rows(session: Session, rows: Sequence[Mapping[str, Any]]) -> int:
    """Put variants, one a row of the catalogue CSV, into the catalogue or bring them up to date.

    Returns the number of rows; of two about one SKU the later counts. Stock is not touched: it has a ledger of its own.
    """
    if not rows:
        return 0
    categories = _categories(session, {row["category"] for row in rows if row["category"]})
    products = _products(session, rows, categories)
    variants = {row["sku"]: _variant(row, index, products) for index, row in enumerate(rows)}
    _PUT_VARIANTS(session, [variants[sku] for sku in sorted(variants)])
    index_words(session, list(products.values()))
    freshness.changed(session, [*products, *products.values()])
    return len(rows)


def stock_changed(session: Session, skus: Iterable[str], *, lists: bool) -> None:
    """Something else is left of these SKUs; `lists`: so much that lists are not the same any more."""
    rows = session.execute(_NAMES, {"skus": list(skus)}).all()
    freshness.changed(session, [name for row in rows for name in row], lists=lists)


def index_words(session: Session, ids: Sequence[str]) -> None:
    """To be called by whoever holds these products and has changed what is written of them or their SKUs."""
    search_index.put(session, entries(session, ids))


def entries(session: Session, ids: Sequence[str]) -> list[dict[str, str]]:
    """What these products are to be found by."""
    skus: dict[str, list[str]] = defaultdict(list)
    for id, sku in session.execute(_SKUS, {"ids": ids}):
        skus[id].append(sku)
    texts = session.execute(_TEXTS, {"ids": ids}).all()
    return [search_index.entry(id, name, about, skus[id]) for id, name, about in texts]


def _categories(session: Session, paths: Iterable[str]) -> dict[str, str]:
    """With all those above them, held where they are. One that is there keeps its name."""
    whole = sorted({path[:end] for path in paths for end in (*_slashes(path), len(path))})
    these = select(CategoryRow.path, CategoryRow.id).where(among(CategoryRow.path, "paths")).order_by(CategoryRow.path)
    held: dict[str, str] = {}
    while len(held) < len(whole):  # once more when somebody has just moved one of them elsewhere
        _PUT_CATEGORIES(session, [{"id": new_id(), "path": path, "name": _named(path)} for path in whole])
        locked = these.with_for_update(read=True, key_share=True)
        held = dict(session.execute(locked, {"paths": whole}).all())
    return held


def _slashes(path: str) -> list[int]:
    return [place for place, letter in enumerate(path) if letter == "/"]


def _named(path: str) -> str:
    return path.split("/")[-1].replace("-", " ").capitalize()


def _products(session: Session, rows: Sequence[Mapping[str, Any]], categories: Mapping[str, str]) -> dict[str, str]:
    products = {
        row["slug"]: {
            "id": new_id(),
            "slug": row["slug"],
            "name": row["name"],
            "description": row["description"],
            "category_id": categories[row["category"]] if row["category"] else None,
            "images": row["image_url"].split(),
        }
        for row in rows
    }
    return {row.slug: row.id for row in _PUT_PRODUCTS(session, [products[slug] for slug in sorted(products)])}


def _variant(row: Mapping[str, Any], index: int, products: Mapping[str, str]) -> dict[str, Any]:
    return {
        "sku": row["sku"],
        "product_id": products[row["slug"]],
        "name": row["variant_name"],
        "options": row["options"],
        "price": int(row["price_cents"]),
        "currency": row["currency"],
        "position": row.get("position", index),
    }


_TEXTS = select(ProductRow.id, ProductRow.name, ProductRow.description).where(among(ProductRow.id, "ids"))
_NAMES = select(ProductRow.id, ProductRow.slug).join(VariantRow).where(among(VariantRow.sku, "skus"))
_SKUS = (
    select(VariantRow.product_id, VariantRow.sku)
    .where(VariantRow.active, among(VariantRow.product_id, "ids"))
    .order_by(VariantRow.position, VariantRow.sku)
)


def _fresh(insert: Any, *names: str) -> dict[str, Any]:
    return {name: insert.excluded[name] for name in names}


_PRODUCTS = bare(ProductRow)
_ABOUT = ("name", "description", "category_id", "images")
_PUT_PRODUCTS = inserting(
    _PRODUCTS,
    *("id", "slug", *_ABOUT),
    then=lambda insert: insert.on_conflict_do_update(
        index_elements=["slug"],
        set_=_fresh(insert, *_ABOUT) | {"version": _PRODUCTS.c.version + 1, "updated_at": now()},
    ).returning(_PRODUCTS.c.slug, _PRODUCTS.c.id),
)
_OF_VARIANT = ("product_id", "name", "options", "price", "currency", "position")
_PUT_VARIANTS = inserting(
    bare(VariantRow),
    *("sku", *_OF_VARIANT),
    then=lambda insert: insert.on_conflict_do_update(index_elements=["sku"], set_=_fresh(insert, *_OF_VARIANT)),
)
_PUT_CATEGORIES = inserting(
    bare(CategoryRow),
    *("id", "path", "name"),
    then=lambda insert: insert.on_conflict_do_nothing(index_elements=["path"]),
)
