"""Administration of products and their variants. Nothing is deleted; what is no longer sold is archived.

Every edit of a product or of one of its variants increments the product's `version`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from db.functions import transaction_time
from db.schema import is_id
from db.statements import for_update
from shop.catalogue import cache_invalidation, categories, index_writing, price_lists
from shop.catalogue.rules import MOST_VARIANTS
from shop.catalogue.tables import ProductRow, VariantRow
from shop.kernel.currencies import OURS
from shop.kernel.errors import Invalid, NotFound, Refusal

NOT_COLUMNS = ("price", "prices", "backorder", "backorder_limit")
"""Fields of a variant that are stored elsewhere: by `price_lists` and `backorders`, or under another name."""


class SlugTaken(Refusal):
    code, title = "slug_taken", "This slug is taken"


class SkuTaken(Refusal):
    code, title = "sku_taken", "This SKU is taken"


def create(session: Session, *, variants: Sequence[Mapping[str, Any]] = (), **wish: Any) -> ProductRow:
    """Create a product from `slug, name` and maybe `description, category` (a path) and `images`; each variant as in
    `add_variant`.

    Raises Invalid, SlugTaken and SkuTaken.
    """
    skus = [variant["sku"] for variant in variants]
    if len(set(skus)) < len(skus):
        raise Invalid({"variants": ["Name each SKU once."]})
    product = ProductRow(**_columns(session, wish))
    session.add(product)
    _flush(session, SlugTaken(f"There is a product {product.slug}."))
    for position, variant in enumerate(variants):
        session.add(_variant(product, variant, position))
    _flush(session, SkuTaken("One of these SKUs is taken."))
    for variant in variants:
        price_lists.replace(session, variant["sku"], variant.get("prices", ()))
    index_writing.index(session, [product.id])
    cache_invalidation.changed(session, [product.id, product.slug])
    session.refresh(product)
    return product


def hold(session: Session, id_or_slug: str) -> ProductRow:
    """Load a product, archived or not, and lock it against other edits. Raises NotFound."""
    named = ProductRow.id == id_or_slug if is_id(id_or_slug) else ProductRow.slug == id_or_slug
    product = session.scalars(for_update(select(ProductRow).where(named), of=ProductRow)).first()
    if product is None:
        raise NotFound("There is no such product.")
    return product


def edit(session: Session, product: ProductRow, changes: Mapping[str, Any]) -> None:
    """Change columns of a product that the caller has locked. Raises SlugTaken and Invalid."""
    cache_invalidation.changed(session, [product.slug])  # invalidates the old slug too, in case it changes
    for name, value in _columns(session, changes).items():
        setattr(product, name, value)
    _written(session, product, SlugTaken(f"There is a product {product.slug}."))


def archive(session: Session, product: ProductRow) -> None:
    """Archive a product: it is neither found nor sold any more; orders, stock and its ledger keep it."""
    edit(session, product, {"status": "archived"})


def add_variant(session: Session, product: ProductRow, wish: Mapping[str, Any]) -> None:
    """Add a variant: `{sku, name, options, price: {amount, currency}, prices: [...]}`, and maybe `backorder` and
    `backorder_limit`.

    Raises SkuTaken and Invalid. The caller has locked the product.
    """
    of_product = select(func.count(), func.max(VariantRow.position)).where(VariantRow.product_id == product.id)
    number, last = session.execute(of_product).one()
    if number >= MOST_VARIANTS:
        raise Invalid({"sku": [f"A product has at most {MOST_VARIANTS} variants."]})
    taken = SkuTaken(f"There is a SKU {wish['sku']}.")
    if session.get(VariantRow, wish["sku"]):
        raise taken
    session.add(_variant(product, wish, 0 if last is None else last + 1))
    _written(session, product, taken)
    price_lists.replace(session, wish["sku"], wish.get("prices", ()))


def edit_variant(session: Session, product: ProductRow, sku: str, changes: Mapping[str, Any]) -> None:
    """Change a variant, as in `add_variant`. Raises NotFound and Invalid. The caller has locked the product."""
    variant = _variant_of(session, product, sku)
    for name, value in _flat(changes).items():
        setattr(variant, name, value)
    if "prices" in changes:
        price_lists.replace(session, sku, changes["prices"])
    _written(session, product)


def retire_variant(session: Session, product: ProductRow, sku: str) -> None:
    """Deactivate a variant. Its SKU stays taken: stock, carts and orders refer to it."""
    edit_variant(session, product, sku, {"active": False})


def _columns(session: Session, wish: Mapping[str, Any]) -> dict[str, Any]:
    columns = {name: value for name, value in wish.items() if name != "category"}
    if "category" in wish:
        path = wish["category"]
        columns["category_id"] = None if path is None else categories.id_of(session, path)
    return columns


def _variant(product: ProductRow, wish: Mapping[str, Any], position: int) -> VariantRow:
    return VariantRow(product_id=product.id, position=position, **{"options": {}} | _flat(wish))


def _flat(wish: Mapping[str, Any]) -> dict[str, Any]:
    """Turn a wish into columns: the price as two of them; other currencies and backorders are stored elsewhere."""
    columns = {name: value for name, value in wish.items() if name not in NOT_COLUMNS}
    if "price" in wish:
        if wish["price"]["currency"] != OURS:
            raise Invalid({"price.currency": [f"Is in {OURS}; those in other currencies are `prices`."]})
        columns |= {"price": wish["price"]["amount"], "currency": OURS}
    if any(price["currency"] == OURS for price in wish.get("prices", ())):
        raise Invalid({"prices": [f"That in {OURS} is `price`."]})
    return columns


def _variant_of(session: Session, product: ProductRow, sku: str) -> VariantRow:
    variant = session.get(VariantRow, sku, populate_existing=True)
    if variant is None or variant.product_id != product.id:
        raise NotFound("This product has no such SKU.")
    return variant


def _written(session: Session, product: ProductRow, taken: Refusal | None = None) -> None:
    product.version += 1
    product.updated_at = transaction_time()
    _flush(session, taken)
    index_writing.index(session, [product.id])
    cache_invalidation.changed(session, [product.id, product.slug])
    session.refresh(product)


def _flush(session: Session, taken: Refusal | None) -> None:
    try:
        session.flush()
    except IntegrityError as error:
        if taken is None:
            raise
        raise taken from error
