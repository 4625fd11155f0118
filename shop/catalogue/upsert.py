"""Import of rows into the catalogue. A row names what is to change: the columns it does not name stay as they are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.bulk import inserting
from db.functions import in_list, transaction_time
from db.schema import new_id
from db.statements import for_update, table_of
from shop.catalogue import cache_invalidation, index_writing
from shop.catalogue.tables import CategoryRow, ProductRow, VariantRow
from shop.kernel.currencies import OURS

Row = Mapping[str, Any]

NEW_PRODUCT: Row = {
    "description": "",
    "category_id": None,
    "images": [],
    "tax_class": "standard",
    "status": "active",
}
NEW_VARIANT: Row = {"options": {}, "currency": OURS, "active": True}


def import_rows(session: Session, rows: Sequence[Row]) -> int:
    """Insert or update variants and their products, one variant a row. Returns the number of rows.

    A row has `slug`, `sku`, and those columns of an import that it names; a new product needs its `name`, a new variant
    its `price_cents`. Where several rows name a thing, the last counts. Stock is not touched: it has a ledger of its
    own.
    """
    if not rows:
        return 0
    products = _put_products(session, rows)
    _put_variants(session, rows, products)
    ids = [product["id"] for product in products.values()]
    index_writing.index(session, ids)
    cache_invalidation.changed(session, [*products, *ids])
    return len(rows)


def _put_products(session: Session, rows: Sequence[Row]) -> dict[str, Row]:
    """Insert or update the products. Returns them by slug, `{id, name, ...}`, locked against other changes."""
    categories = _categories(session, {row["category"] for row in rows if row.get("category")})
    wishes: dict[str, dict[str, Any]] = defaultdict(dict)
    for row in rows:
        wishes[row["slug"]].update(_of_product(row, categories))
    new = _add_products(session, wishes)
    there = for_update(select(*_PRODUCT).where(in_list(ProductRow.slug, "slugs")).order_by(ProductRow.slug))
    known = session.execute(there, {"slugs": sorted(wishes.keys() - new.keys())}).mappings().all()
    changed = {one["slug"]: {**one, **wishes[one["slug"]]} for one in known}
    if changed:
        _CHANGE_PRODUCTS(session, list(changed.values()))
    return new | changed


def _add_products(session: Session, wishes: Mapping[str, Row]) -> dict[str, Row]:
    """Insert the products that do not exist. A row without a name can only update one."""
    named = [{**NEW_PRODUCT, **wish, "slug": slug, "id": new_id()} for slug, wish in wishes.items() if "name" in wish]
    made = _ADD_PRODUCTS(session, sorted(named, key=lambda one: str(one["slug"]))) if named else ()
    return {row.slug: {"id": row.id, "name": row.name} for row in made}


def _of_product(row: Row, categories: Mapping[str, str]) -> dict[str, Any]:
    wish = {name: row[name] for name in ("name", "description", "tax_class", "status") if name in row}
    if "category" in row:
        wish["category_id"] = categories[row["category"]] if row["category"] else None
    if "image_url" in row:
        wish["images"] = row["image_url"].split()
    return wish


def _put_variants(session: Session, rows: Sequence[Row], products: Mapping[str, Row]) -> None:
    """Insert or update the variants.

    Existing ones keep their positions; new ones follow, named like their product by default.
    """
    wishes: dict[str, dict[str, Any]] = defaultdict(dict)
    for row in rows:
        wishes[row["sku"]].update(_of_variant(row, products[row["slug"]]))
    there = select(*_VARIANT).where(in_list(VariantRow.sku, "skus"))
    known = {one["sku"]: one for one in session.execute(there, {"skus": list(wishes)}).mappings()}
    places = _places(session, {str(wish["product_id"]) for wish in wishes.values()})
    for wish in (wishes[sku] for sku in wishes if sku not in known):
        places[wish["product_id"]] += 1
        wish["position"] = places[wish["product_id"]]
    names = {product["id"]: product["name"] for product in products.values()}
    new = {sku: {**NEW_VARIANT, "sku": sku, "name": names[wish["product_id"]]} for sku, wish in wishes.items()}
    _PUT_VARIANTS(session, [{**new[sku], **known.get(sku, {}), **wishes[sku]} for sku in sorted(wishes)])


def _of_variant(row: Row, product: Row) -> dict[str, Any]:
    wish = {name: row[name] for name in ("options", "active", "currency") if name in row}
    if "price_cents" in row:
        wish["price"] = int(row["price_cents"])
    if "variant_name" in row:
        wish["name"] = row["variant_name"] or product["name"]
    return wish | {"product_id": product["id"]}


def _places(session: Session, products: Iterable[str]) -> dict[str, int]:
    """Load the last position taken in each product, -1 where there is none."""
    last = select(VariantRow.product_id, func.max(VariantRow.position)).group_by(VariantRow.product_id)
    taken = session.execute(last.where(in_list(VariantRow.product_id, "ids")), {"ids": list(products)}).all()
    return defaultdict(lambda: -1, dict(taken))


def _categories(session: Session, paths: Iterable[str]) -> dict[str, str]:
    """Insert missing categories and all those above them, and lock all. Returns their ids by path; names are kept."""
    whole = sorted({path[:end] for path in paths for end in (*_slashes(path), len(path))})
    these = (
        select(CategoryRow.path, CategoryRow.id).where(in_list(CategoryRow.path, "paths")).order_by(CategoryRow.path)
    )
    ids: dict[str, str] = {}
    while len(ids) < len(whole):  # again when another transaction has just moved one of them
        _PUT_CATEGORIES(session, [{"id": new_id(), "path": path, "name": _title(path)} for path in whole])
        locked = these.with_for_update(read=True, key_share=True)
        ids = dict(session.execute(locked, {"paths": whole}).all())
    return ids


def _slashes(path: str) -> list[int]:
    return [place for place, letter in enumerate(path) if letter == "/"]


def _title(path: str) -> str:
    return path.rsplit("/", maxsplit=1)[-1].replace("-", " ").capitalize()


def _fresh(insert: Any, *names: str) -> dict[str, Any]:
    return {name: insert.excluded[name] for name in names}


_PRODUCTS, _VARIANTS = table_of(ProductRow), table_of(VariantRow)
_ABOUT = ("name", "description", "category_id", "images", "tax_class", "status")
_PRODUCT = [_PRODUCTS.c[name] for name in ("id", "slug", *_ABOUT)]
_ADD_PRODUCTS = inserting(
    _PRODUCTS,
    *("id", "slug", *_ABOUT),
    then=lambda insert: insert.on_conflict_do_nothing(index_elements=["slug"]).returning(
        _PRODUCTS.c.slug, _PRODUCTS.c.id, _PRODUCTS.c.name
    ),
)
_CHANGE_PRODUCTS = inserting(
    _PRODUCTS,
    *("id", "slug", *_ABOUT),
    then=lambda insert: insert.on_conflict_do_update(
        index_elements=["slug"],
        set_=_fresh(insert, *_ABOUT) | {"version": _PRODUCTS.c.version + 1, "updated_at": transaction_time()},
    ),
)
_OF_VARIANT = ("name", "options", "price", "currency", "active")
_VARIANT = [_VARIANTS.c[name] for name in ("sku", "product_id", "position", *_OF_VARIANT)]
_PUT_VARIANTS = inserting(
    _VARIANTS,
    *("sku", "product_id", "position", *_OF_VARIANT),
    then=lambda insert: insert.on_conflict_do_update(
        index_elements=["sku"],
        set_=_fresh(insert, *_OF_VARIANT),
        where=_VARIANTS.c.product_id == insert.excluded.product_id,  # a SKU never moves to another product
    ),
)
_PUT_CATEGORIES = inserting(
    table_of(CategoryRow),
    *("id", "path", "name"),
    then=lambda insert: insert.on_conflict_do_nothing(index_elements=["path"]),
)
