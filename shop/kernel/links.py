"""Links in messages: they lead to the shop's storefront or, without one, to small pages of the API itself.

A link to the API proper would show a customer JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from urllib.parse import quote, urlencode

from config import settings


class Place(StrEnum):
    HOME = "home"
    ORDER = "order"
    CART = "cart"
    PRODUCT = "product"
    RESET_PASSWORD = "reset-password"  # noqa: S105 - a name
    VERIFY_EMAIL = "verify-email"
    UNSUBSCRIBE = "unsubscribe"


OWN: Mapping[str, str] = {
    Place.HOME: "/",
    Place.ORDER: "/account/order",
    Place.CART: "/account/cart",
    Place.PRODUCT: "/account/product",
    Place.RESET_PASSWORD: "/account/reset-password",
    Place.VERIFY_EMAIL: "/account/verify-email",
    Place.UNSUBSCRIBE: "/account/unsubscribe",
}
"""Paths of our own pages; see api/pages/storefront.py."""


def link(place: Place, **about: str) -> str:
    """Build the address of a page.

    What its path names in `about` stands in the path, the rest behind the #, where no server's log and no Referer
    header can see it.
    """
    front = settings().storefront_url
    path = settings().storefront_paths[place] if front else OWN[place]
    filled = path.format_map({name: quote(value, safe="") for name, value in about.items()})
    behind = urlencode({name: value for name, value in about.items() if f"{{{name}}}" not in path})
    return f"{front or settings().public_url}{filled}" + (f"#{behind}" if behind else "")


def api(path: str) -> str:
    """Build an address of the API itself: for mail programs and operators."""
    return f"{settings().public_url}{path}"
