"""Stock goods, and place orders as the API does. Runs in the environment of a ground."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType

from db import transaction
from shop.carts import carts
from shop.catalogue import upsert as catalogue_upsert
from shop.checkout import placement
from shop.stock import adjustments

SKUS = 50
ON_HAND = 10_000_000
ADDRESS = {"name": "B. Bencher", "line1": "1 Loop", "city": "Bonn", "postal_code": "53111", "country": "DE"}


def stock_up() -> None:
    rows = [_row(number) for number in range(SKUS)]
    with transaction() as session:
        catalogue_upsert.import_rows(session, rows)
        for row in rows:
            adjustments.receive(session, str(row["sku"]), ON_HAND, "for the benchmark")


def sku(number: int) -> str:
    return f"SKU-{number % SKUS:02}"


def accept(contender: ModuleType, goods: str) -> str:
    """Place a guest's order of one item and begin it with the contender, a module in `peers`; return the order's id."""
    with transaction() as session:
        cart = carts.open_guest(session)
        carts.add(session, cart, goods, 1)
        command = placement.PlaceOrder(None, "guest@example.com", ADDRESS, "standard", "card", "tok_ok")
        order: str = placement.place(session, cart, command).id
        contender.begin(session, order)
    return order


def accept_many(contender: ModuleType, goods: Iterable[str], threads: int) -> None:
    """Place an order of each of these SKUs, several at a time as an API process does, and hand each over."""
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(lambda thing: contender.hand_over(accept(contender, thing)), goods):
            pass


def _row(number: int) -> dict[str, object]:
    return {
        "slug": f"thing-{number}",
        "name": f"Thing {number}",
        "description": "",
        "category": "bench",
        "image_url": "",
        "sku": sku(number),
        "variant_name": "one",
        "options": {},
        "price_cents": 1000 + number,
        "currency": "EUR",
    }
