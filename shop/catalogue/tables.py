"""Tables of the catalogue: categories, products, and their variants, each a SKU with a price."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import BigInteger, ForeignKey, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from db.functions import in_list, transaction_time
from db.schema import DOCUMENT, At, Base, Document, Id, new_id
from shop.catalogue import cache_invalidation
from shop.kernel.errors import NotFound
from shop.kernel.skus import SKU_LENGTH


class CategoryRow(Base):
    """One category. `path` is the whole way down, as `furniture/chairs`, so that a subtree is a prefix."""

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
    created_at: Mapped[At] = mapped_column(default=transaction_time())
    updated_at: Mapped[At] = mapped_column(default=transaction_time())

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
    """Load a product that is for sale. Raises NotFound, also for an archived one."""
    product = session.get(ProductRow, id)
    if product is None or product.status != "active":
        raise NotFound("There is no such product.")
    return product


def stock_changed(session: Session, skus: Iterable[str], *, lists: bool) -> None:
    """Invalidate cached answers about these SKUs when the transaction commits; `lists`: whether lists change too."""
    rows = session.execute(_NAMES, {"skus": list(skus)}).all()
    cache_invalidation.changed(session, [name for row in rows for name in row], lists=lists)


_NAMES = select(ProductRow.id, ProductRow.slug).join(VariantRow).where(in_list(VariantRow.sku, "skus"))
