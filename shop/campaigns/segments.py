"""Segments: the audience as a small JSON tree that becomes one condition of one SELECT.

`{"and": [{"bought_category": "furniture"}, {"or": [{"tag": "vip"}, {"spent_at_least": 10000}]}]}`. Bought and spent
count confirmed orders.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, and_, exists, func, literal, not_, or_, select, true

from db.functions import in_seconds
from db.schema import is_id
from shop.accounts.tags import TAG, UserTagRow
from shop.accounts.users import UserRow
from shop.catalogue.tables import CategoryRow, ProductRow, VariantRow
from shop.kernel.currencies import OURS
from shop.kernel.errors import Invalid
from shop.kernel.money import MOST
from shop.orders.orders import OrderLineRow, OrderRow
from shop.orders.states import Status

DEEPEST = 4
MOST_CONDITIONS = 20
LONGEST_AGO = 3650  # days
PATH = re.compile(r"[a-z0-9/-]{1,255}")

Condition = ColumnElement[bool]
Make = Callable[[Any], Condition]


class _Bad(ValueError):
    """The value does not fit its condition; the message says what it must be."""


def compiled(segment: Any) -> Condition:
    """Compile a segment into a condition on `users`. Raises Invalid that says where the tree is wrong."""
    return _Reader().read(segment, "segment", 1)


class _Reader:
    def __init__(self) -> None:
        self._read = 0

    def read(self, node: Any, where: str, depth: int) -> Condition:
        self._read += 1
        if self._read > MOST_CONDITIONS or depth > DEEPEST:
            raise _invalid(where, f"At most {MOST_CONDITIONS} conditions, {DEEPEST} deep.")
        if not isinstance(node, dict) or len(node) != 1:
            raise _invalid(where, "Must be an object with a single condition.")
        [(name, value)] = node.items()
        if name in JOINS:
            return self._joined(name, value, f"{where}.{name}", depth)
        if name not in CONDITIONS:
            raise _invalid(where, f"Knows {', '.join((*JOINS, *CONDITIONS))}.")
        try:
            return CONDITIONS[name](value)
        except _Bad as bad:
            raise _invalid(f"{where}.{name}", str(bad)) from bad

    def _joined(self, name: str, value: Any, where: str, depth: int) -> Condition:
        if not isinstance(value, list) or not value:
            raise _invalid(where, "Must be a list of conditions, with at least one.")
        return JOINS[name](*(self.read(node, f"{where}[{i}]", depth + 1) for i, node in enumerate(value)))


def _invalid(where: str, why: str) -> Invalid:
    return Invalid({"segment": [f"{where}: {why}"]})


# --- conditions -----------------------------------------------------------------------------------------


def _everybody(value: Any) -> Condition:
    _must(value is True, "Must be true.")
    return true()


def _bought_product(value: Any) -> Condition:
    _must(is_id(value), "Must be the id of a product.")
    return _bought(VariantRow.product_id == value)


def _bought_category(value: Any) -> Condition:
    """Return the condition of an order from this category. It covers everything below it."""
    _must(isinstance(value, str) and PATH.fullmatch(value), "Must be the path of a category.")
    inside = or_(CategoryRow.path == value, func.substr(CategoryRow.path, 1, len(value) + 1) == f"{value}/")
    categories = select(CategoryRow.id).where(inside)
    return _bought(VariantRow.product_id.in_(select(ProductRow.id).where(ProductRow.category_id.in_(categories))))


def _bought(which: Condition) -> Condition:
    lines = select(literal(1)).select_from(OrderLineRow).join(OrderRow, OrderRow.id == OrderLineRow.order_id)
    return lines.join(VariantRow, VariantRow.sku == OrderLineRow.sku).where(_theirs(), which).exists()


def _spent_at_least(value: Any) -> Condition:
    _must(type(value) is int and 0 < value <= MOST, f"Must be an amount in minor units of {OURS}.")
    spent = select(func.coalesce(func.sum(OrderRow.total), 0)).where(_theirs(), OrderRow.currency == OURS)
    return spent.scalar_subquery() >= literal(value, BigInteger)


def _last_order_before(value: Any) -> Condition:
    _must(type(value) is int and 0 < value <= LONGEST_AGO, f"Must be a number of days, at most {LONGEST_AGO}.")
    recent = exists().where(_theirs(), OrderRow.created_at >= in_seconds(-86400.0 * value))
    return and_(exists().where(_theirs()), not_(recent))


def _never_ordered(value: Any) -> Condition:
    _must(value is True, "Must be true.")
    return not_(exists().where(_theirs()))


def _tag(value: Any) -> Condition:
    _must(isinstance(value, str) and TAG.fullmatch(value), "Must be a tag.")
    return exists().where(UserTagRow.user_id == UserRow.id, UserTagRow.tag == value)


def _theirs() -> Condition:
    return and_(OrderRow.customer_id == UserRow.id, OrderRow.status == Status.CONFIRMED)


def _must(true: object, otherwise: str) -> None:
    if not true:
        raise _Bad(otherwise)


JOINS: Mapping[str, Callable[..., Condition]] = {"and": and_, "or": or_}
CONDITIONS: Mapping[str, Make] = {
    "all": _everybody,
    "bought_product": _bought_product,
    "bought_category": _bought_category,
    "spent_at_least": _spent_at_least,
    "last_order_before": _last_order_before,
    "never_ordered": _never_ordered,
    "tag": _tag,
}
