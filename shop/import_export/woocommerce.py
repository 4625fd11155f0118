"""Reader of WooCommerce's product export: a line for each simple or variable product, one for each variation of the
latter.

Its columns are named in the language of the exporting site, English or German; their content is the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from shop.import_export.foreign_files import (
    NOTHING_LIKE_IT,
    Errors,
    File,
    Product,
    Row,
    Slugs,
    as_lines,
    described,
    for_sale,
    path_of,
    pictures,
    sku_of,
)

ID = ("ID",)
TYPE = ("Type", "Typ")
SKU = ("SKU", "Artikelnummer")
NAME = ("Name",)
PUBLISHED = ("Published", "Veröffentlicht")
BODY = ("Description", "Beschreibung", "Short description", "Kurzbeschreibung")
TAX_CLASS = ("Tax class", "Steuerklasse")
STOCK = ("Stock", "Bestand", "Lager")
BACKORDERS = ("Backorders allowed?", "Lieferrückstande erlaubt?", "Lieferrückstände erlaubt?", "Rückstände erlaubt?")
PRICE = ("Regular price", "Regulärer Preis")
SALE = ("Sale price", "Angebotspreis")
CATEGORIES = ("Categories", "Kategorien")
IMAGES = ("Images", "Bilder")
PARENT = ("Parent", "Übergeordnetes Produkt")
ATTRIBUTES = 20  # of a product, at most

NEEDED = (TYPE, NAME, PRICE)
MARKS = ({"type", "regular price"}, {"typ", "regulärer preis"})
KNOWN = {
    name.casefold()
    for names in (*NEEDED, ID, SKU, PUBLISHED, BODY, TAX_CLASS, STOCK, CATEGORIES, IMAGES, PARENT)
    for name in names
}
TAX_CLASSES = {"": "standard", "reduced-rate": "reduced", "zero-rate": "zero"}
_COMMA = re.compile(r"(?<!\\),")


def lines(file: File, currency: str) -> Iterator[tuple[int, str, Errors]]:
    """Read the file as JSON lines; see `foreign_files.as_lines`.

    Refuses variations without a parent, and products without one.
    """
    yield from file.broken_lines()
    products: list[Product] = []
    parents: dict[str, tuple[Product, Row]] = {}
    slugs = Slugs()
    for number, row in file.rows:
        kind = _kind(file, row)
        if kind not in ("simple", "variable"):
            continue
        product = _product(file, number, row, slugs)
        products.append(product)
        for name in (f"id:{file.cell(row, ID)}", file.cell(row, SKU)):
            parents.setdefault(name, (product, row))
        if kind == "simple":
            product.variants.append(_variant(file, number, row, product, row, currency))
    for number, row in file.rows:
        kind = _kind(file, row)
        parent = parents.get(file.cell(row, PARENT)) if file.cell(row, PARENT) else None
        if kind == "variation" and parent:
            product, top = parent
            product.variants.append(_variant(file, number, row, product, top, currency))
            _add_pictures(file, product, number, row)
        elif kind == "variation":
            yield number, "", {PARENT[0]: "Is not in this file."}
        elif kind not in ("simple", "variable"):
            yield number, "", {TYPE[0]: NOTHING_LIKE_IT}
    yield from as_lines(products)
    empty = (product for product in products if not product.variants)
    yield from ((product.line, "", {TYPE[0]: "There is no variation of it in this file."}) for product in empty)


def _kind(file: File, row: Row) -> str:
    """Read the type without its flags: `simple, virtual` is simple."""
    return file.cell(row, TYPE).split(",")[0].strip().lower()


def _product(file: File, number: int, row: Row, slugs: Slugs) -> Product:
    name = file.cell(row, NAME)
    key = file.cell(row, ID) or file.cell(row, SKU) or str(number)
    return Product(slugs.of(key, name), name, number, _texts(file, number, row))


def _texts(file: File, number: int, row: Row) -> dict[str, Any]:
    """Read the product's texts from those columns that the file has."""
    texts: dict[str, Any] = {}
    if file.has(BODY):
        texts["description"] = described(file, file.cell(row, BODY).replace("\\n", "\n"), BODY[0], number)
    if file.has(CATEGORIES):
        texts["category"] = _category(file, number, row)
    if file.has(PUBLISHED):
        texts["status"] = "active" if file.cell(row, PUBLISHED) == "1" else "archived"
    if file.has(IMAGES):
        texts["image_url"] = pictures(file, _images(file, number, row))
    if file.has(TAX_CLASS):
        named = file.cell(row, TAX_CLASS)
        texts["tax_class"] = TAX_CLASSES.get(named, named)
    return texts


def _category(file: File, number: int, row: Row) -> str | None:
    """Read the first category, as a path; a product is in one. The others are noted."""
    first, *others = _listed(file.cell(row, CATEGORIES)) or [""]
    if others:
        why = f"A product is in one category, the first; not in {', '.join(others)[:200]}."
        file.report.note(why, CATEGORIES[0], number)
    return path_of(first)


def _images(file: File, number: int, row: Row) -> list[tuple[int, str, str]]:
    return [(number, IMAGES[0], url) for url in _listed(file.cell(row, IMAGES))]


def _add_pictures(file: File, product: Product, number: int, row: Row) -> None:
    """Append a variation's pictures to its product's."""
    if "image_url" in product.texts:
        own = [(number, IMAGES[0], url) for url in product.texts["image_url"]]
        product.texts["image_url"] = pictures(file, [*own, *_images(file, number, row)])


def _listed(cell: str) -> list[str]:
    return [part.strip().replace("\\,", ",") for part in _COMMA.split(cell) if part.strip()]


def _variant(
    file: File, number: int, row: Row, product: Product, top: Row, currency: str
) -> tuple[int, dict[str, Any], Errors]:
    """Read a variant. `top`: the product's own line, which names the attributes where the variation does not."""
    options = _options(file, row, top)
    variant: dict[str, Any] = {"sku": file.cell(row, SKU), "options": options}
    if row is not top and options:
        variant["variant_name"] = " / ".join(options.values())
    if not variant["sku"] or (row is not top and variant["sku"] == file.cell(top, SKU)):
        variant["sku"] = sku_of(file.cell(top, SKU) or product.slug, *(options.values() if row is not top else ()))
        file.report.note(f"Is empty or its parent's; the SKU is {variant['sku']}.", SKU[0], number)
    if row is not top and file.has(PUBLISHED):
        variant["active"] = file.cell(row, PUBLISHED) == "1"
    if file.cell(row, SALE):
        file.report.note("The regular price is taken.", SALE[0], number)
    backorders = file.cell(row, BACKORDERS).lower()
    backorder = backorders in ("1", "notify", "yes") if backorders else None
    said, errors = for_sale(file, number, row, price=PRICE, stock=STOCK, backorder=backorder, currency=currency)
    return number, variant | said, errors


def _options(file: File, row: Row, top: Row) -> dict[str, str]:
    """Read the attributes with one value. Of one with several to choose from, none is chosen."""
    options = {}
    for n in range(1, ATTRIBUTES + 1):
        names = (f"Attribute {n} name", f"Attribut {n} Name")
        value, *others = _listed(file.cell(row, (f"Attribute {n} value(s)", f"Attribut {n} Wert(e)"))) or [""]
        called = file.cell(row, names) or file.cell(top, names)
        if called and value and not others:
            options[called] = value
    return options
