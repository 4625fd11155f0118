"""The search of staff for orders, as conditions for a query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, or_

from shop.accounts import users
from shop.orders.orders import OrderRow
from shop.orders.states import FulfilmentStatus, PaymentStatus, Status


@dataclass(frozen=True)
class Search:
    """Filters that must all match. `q`: the beginning of an order's number or a part of its address, in any case."""

    q: str | None = None
    email: str | None = None
    status: Status | None = None
    payment_status: PaymentStatus | None = None
    fulfilment_status: FulfilmentStatus | None = None

    def conditions(self) -> Sequence[ColumnElement[bool]]:
        row = OrderRow
        found: list[ColumnElement[bool]] = []
        if self.q:
            email = func.lower(row.email)
            parts = [email.contains(part, autoescape=True) for part in {self.q.lower(), users.normal(self.q)}]
            found.append(or_(row.number.startswith(self.q.upper(), autoescape=True), *parts))
        if self.email:
            found.append(func.lower(row.email).in_({self.email.lower(), users.normal(self.email)}))
        for name in ("status", "payment_status", "fulfilment_status"):
            wanted = getattr(self, name)
            if wanted:
                found.append(getattr(row, name) == wanted)
        return found
