"""What names, paths and pictures in the catalogue may look like: one set of rules for the API and for imports.

Each function returns what is wrong, as an error message, or None.
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

from db.schema import is_id

SLUG = r"[a-z0-9]+(-[a-z0-9]+)*"
SKU = r"[A-Za-z0-9][A-Za-z0-9._-]*"
PATH = rf"{SLUG}(/{SLUG})*"
TAX_CLASS = r"[a-z][a-z0-9_-]{0,19}"

LONGEST_SLUG = 120
LONGEST_NAME = 200
LONGEST_PATH = 255
LONGEST_DESCRIPTION = 10_000
LONGEST_URL = 500
MOST_IMAGES = 20
MOST_VARIANTS = 100
MOST_OPTIONS = 10
MOST_PRICES = 50
LONGEST_OPTION = 100
RESERVED = ("import", "export", "imports")  # these stand in paths where a slug could


def slug_problem(slug: str) -> str | None:
    """Check a product's slug."""
    if len(slug) > LONGEST_SLUG or not re.fullmatch(SLUG, slug):
        return f"Must be lower-case letters, digits and single hyphens, {LONGEST_SLUG} at most."
    return "Can not be a slug: it means something else here." if is_reserved(slug) else None


def is_reserved(slug: str) -> bool:
    """Tell whether this means something else where a slug could stand."""
    return slug in RESERVED or is_id(slug)


def path_problem(path: str) -> str | None:
    """Check the path of a category."""
    if len(path) > LONGEST_PATH or not re.fullmatch(PATH, path):
        return f"Must be like furniture/chairs: slugs with slashes between them, {LONGEST_PATH} characters at most."
    return None


def sku_problem(sku: str, longest: int) -> str | None:
    if len(sku) > longest or not re.fullmatch(SKU, sku):
        return f"Must be letters, digits, dots, hyphens and underscores, {longest} at most."
    return "Can not be a SKU: it means something else here." if sku == "locations" else None


def image_problem(url: str) -> str | None:
    """Check a picture's address. Nothing here fetches it, but every customer's browser will."""
    if len(url) > LONGEST_URL or re.search(r"[\s\x00-\x20\x7f-\x9f\"<>\\^`{|}]", url):
        return "Is not a URL."
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "Is not a URL."
    if parts.scheme != "https":
        return "Must begin with https://."
    if parts.username is not None or parts.password is not None:
        return "Must not hold a name or a password."
    return None if host and _is_public(host) else "Must name a public host."


def options_problem(options: object) -> str | None:
    if not isinstance(options, dict) or len(options) > MOST_OPTIONS:
        return f"Must be an object of at most {MOST_OPTIONS} names with their values."
    texts = [text for pair in options.items() for text in pair]
    if not all(isinstance(text, str) and 0 < len(text) <= LONGEST_OPTION for text in texts):
        return f"Names and values must be text of 1 to {LONGEST_OPTION} characters."
    return None


def tax_class_problem(name: str) -> str | None:
    return None if re.fullmatch(TAX_CLASS, name) else "Must be like reduced: lower-case letters, digits, - and _."


def _is_public(host: str) -> bool:
    """Tell whether a host is a name with a dot or a public address."""
    try:
        return ip_address(host).is_global
    except ValueError:
        return bool(re.fullmatch(r"([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]\.?", host))
