"""Several at the same moment, each in a transaction of its own."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

from sqlalchemy.orm import Session

import db
from shop.kernel.errors import Refusal


def at_once(*works: Callable[[Session], Any]) -> list[str]:
    """The codes of those that were refused, `done` for the others."""
    ready = Barrier(len(works))

    def attempt(work: Callable[[Session], Any]) -> str:
        ready.wait()
        try:
            db.in_transaction(work)
        except Refusal as refusal:
            return refusal.code
        return "done"

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(attempt, works))
