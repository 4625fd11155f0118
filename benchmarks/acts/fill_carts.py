"""fill_carts CUSTOMERS NAME FILE: make that many customers with a session and one item in the cart.

Writes the access token of each into the file, one per line.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from sqlalchemy.orm import Session

from api.accounts.profile import tokens
from api.app import create_app
from benchmarks.shopping import sku
from db import transaction
from shop.accounts import passwords, sessions, users
from shop.carts import carts

BATCH = 200
NOBODYS = passwords.hash_password("a password nobody types")


def main(customers: int, name: str, file: Path) -> None:
    with create_app().app_context():
        file.write_text("".join(f"{token}\n" for token in _tokens(name, iter(range(customers)))))


def _tokens(name: str, numbers: Iterator[int]) -> Iterator[str]:
    while batch := list(islice(numbers, BATCH)):
        with transaction() as session:
            yield from [_customer(session, name, number) for number in batch]


def _customer(session: Session, name: str, number: int) -> str:
    user = users.register(session, email=f"{name}-{number}@example.com", name="C. Customer", password_hash=NOBODYS)
    carts.add(session, carts.of_customer(session, user.id), sku(number), 1)
    return str(tokens(sessions.open_session(session, user.id, NOBODYS))["access_token"])


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
