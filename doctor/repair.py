"""`python -m doctor.repair`: list what can be repaired in stock and search; with `--do`, repair it.

Without `--do` nothing is changed. Exits with 1 when something is left to repair, or needs a person.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from db import in_transaction, reading
from doctor.repairs import stock as stock_repair
from doctor.repairs.stock import Wrong
from shop.catalogue import reindexing


def main(arguments: Sequence[str]) -> int:
    if arguments not in ([], ["--do"]):
        sys.exit(__doc__)
    return _do() if arguments else _show()


def _show() -> int:
    with reading() as session:
        orders, found = stock_repair.forgotten(session), stock_repair.wrong(session)
        lost = reindexing.stale(session) or not reindexing.is_whole(session)
    _tell("would release", "would set", orders, found)
    if lost:
        print("would make the index of words anew")
    if orders or found or lost:
        print("Nothing was changed. `--do` does it.")
    return 1 if orders or found or lost else 0


def _do() -> int:
    orders, found = in_transaction(stock_repair.put_right)
    _tell("released", "set", orders, found)
    for product in in_transaction(reindexing.make_anew):
        print(f"indexed product {product} anew")
    return 0 if all(one.possible for one in found) else 1


def _tell(released: str, put: str, orders: Sequence[str], found: Sequence[Wrong]) -> None:
    for order in orders:
        print(f"{released} what the closed order {order} still holds or waits for")
    for one in found:
        print(f"{put} {one}" if one.possible else f"needs a person: {one}")
    if not orders and not found:
        print("stock is what its ledger and its reservations say")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
