"""Reader of Shopify's product export, old and new.

It has a line for each variant or picture; a product's texts stand in its first.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from shop.import_export.foreign_files import (
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

HANDLE = ("Handle", "URL handle")
TITLE = ("Title",)
BODY = ("Body (HTML)", "Description")
TYPES = ("Type", "Custom Product Type")
CATEGORY = ("Product Category", "Standard Product Type", *TYPES)
PUBLISHED = ("Published", "Published on online store")
STATUS = ("Status",)
SKU = ("Variant SKU", "SKU")
PRICE = ("Variant Price", "Price")
STOCK = ("Variant Inventory Qty", "Inventory quantity")
POLICY = ("Variant Inventory Policy", "Continue selling when out of stock")
IMAGE = ("Image Src", "Product image URL")
IMAGE_PLACE = ("Image Position",)
OF_VARIANT = ("Variant Image", "Variant image URL")
NAMES = [(f"Option{n} Name",) for n in (1, 2, 3)]
VALUES = [(f"Option{n} Value",) for n in (1, 2, 3)]

NEEDED = (HANDLE, TITLE, PRICE)
MARKS = ({"handle", "variant price"},)
KNOWN = {
    name.casefold()
    for names in (*NEEDED, BODY, CATEGORY, PUBLISHED, STATUS, SKU, STOCK, POLICY, IMAGE, *NAMES, *VALUES)
    for name in names
}

Lines = list[tuple[int, Row]]


def lines(file: File, currency: str) -> Iterator[tuple[int, str, Errors]]:
    """Read the file as JSON lines; see `foreign_files.as_lines`."""
    groups: dict[str, Lines] = {}
    for number, row in file.rows:
        groups.setdefault(file.cell(row, HANDLE), []).append((number, row))
    slugs = Slugs()
    yield from file.broken_lines()
    yield from as_lines(_product(file, handle, rows, slugs, currency) for handle, rows in groups.items())


def _product(file: File, handle: str, rows: Lines, slugs: Slugs, currency: str) -> Product:
    first, top = rows[0]
    slug = slugs.of(handle, handle)
    if slug != handle:
        file.report.note(f"Is no slug here; the product is {slug}.", HANDLE[0], first)
    product = Product(slug, file.cell(top, TITLE), first, _texts(file, rows))
    names = [file.cell(top, name) for name in NAMES]
    for number, row in rows:
        values = [file.cell(row, value) for value in VALUES]
        if any((*values, file.cell(row, SKU), file.cell(row, PRICE))):
            options = {name: value for name, value in zip(names, values, strict=True) if name and value}
            product.variants.append(_variant(file, number, row, slug, options, currency))
    if not product.variants:
        product.variants.append((first, {}, {PRICE[0]: "There is no variant of this product."}))
    return product


def _texts(file: File, rows: Lines) -> dict[str, Any]:
    """Read the product's texts from those columns that the file has."""
    number, top = rows[0]
    texts: dict[str, Any] = {}
    if file.has(BODY):
        texts["description"] = described(file, file.cell(top, BODY), BODY[0], number)
    if file.has(CATEGORY):
        category, kind = file.cell(top, CATEGORY), file.cell(top, TYPES)
        texts["category"] = path_of(category)
        if kind not in ("", category):
            file.report.note("The product is in a category already.", TYPES[0], number)
    if file.has(STATUS) or file.has(PUBLISHED):
        hidden = file.cell(top, STATUS).lower() in ("draft", "archived", "unlisted")
        hidden = hidden or file.cell(top, PUBLISHED).lower() == "false"
        texts["status"] = "archived" if hidden else "active"
    if file.has(IMAGE):
        texts["image_url"] = pictures(file, _images(file, rows))
    return texts


def _images(file: File, rows: Lines) -> list[tuple[int, str, str]]:
    """List the pictures in their order, then those that only a variant has."""
    own = [(_place(file.cell(row, IMAGE_PLACE)), number, file.cell(row, IMAGE)) for number, row in rows]
    more = [(number, OF_VARIANT[0], file.cell(row, OF_VARIANT)) for number, row in rows]
    return [one for one in [*((number, IMAGE[0], url) for _, number, url in sorted(own)), *more] if one[2]]


def _place(text: str) -> int:
    return int(text) if text.isdecimal() else 10_000


def _variant(
    file: File, number: int, row: Row, slug: str, options: dict[str, str], currency: str
) -> tuple[int, dict[str, Any], Errors]:
    if [*options.values()] == ["Default Title"]:
        options = {}
    variant: dict[str, Any] = {"sku": file.cell(row, SKU).removeprefix("'"), "options": options}
    if options:
        variant["variant_name"] = " / ".join(options.values())
    if not variant["sku"]:
        variant["sku"] = sku_of(slug, *options.values())
        file.report.note(f"Is empty; the SKU is {variant['sku']}.", SKU[0], number)
    policy = file.cell(row, POLICY).lower()
    backorder = policy in ("continue", "true") if policy else None
    said, errors = for_sale(file, number, row, price=PRICE, stock=STOCK, backorder=backorder, currency=currency)
    return number, variant | said, errors
