"""Quantities of an order's lines: what is asked for, held against what there is, and what it is worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from shop.kernel.errors import IllegalMove, Invalid, Refusal
from shop.orders.orders import OrderLineRow, OrderRow
from shop.orders.states import PaymentStatus, Status

Quantities = Mapping[str, int]  # SKU -> how many


class TooMany(Refusal):
    """More than was ordered, or than was shipped."""

    code, title = "too_many", "More than there are"


def check_paid(order: OrderRow) -> None:
    if order.status != Status.CONFIRMED:
        raise IllegalMove(f"The order is {order.status}; only one that is confirmed and paid for can be sent.")
    if order.payment_status == PaymentStatus.UNPAID:
        raise IllegalMove("The order is not paid for any more: its authorisation was let go.")


def check_room(order: OrderRow, wanted: Quantities, room: Quantities) -> None:
    """Each SKU is one of the order's, and there are that many left of it."""
    strange = sorted(wanted.keys() - {line.sku for line in order.lines})
    if strange:
        raise Invalid({"lines": [f"Not in this order: {', '.join(strange)}."]})
    short = {sku: room.get(sku, 0) for sku, n in wanted.items() if n > room.get(sku, 0)}
    if short:
        left = "; ".join(f"{n} left of {sku}" for sku, n in sorted(short.items()))
        raise TooMany(f"That is more than there are: {left}.", left=short)


def ordered(order: OrderRow) -> dict[str, int]:
    return {line.sku: line.quantity for line in order.lines}


def here(order: OrderRow) -> dict[str, int]:
    """What was ordered, less what has not come in yet."""
    return {line.sku: line.quantity - line.backordered for line in order.lines}


def less(whole: Quantities, part: Quantities) -> dict[str, int]:
    return {sku: n - part.get(sku, 0) for sku, n in whole.items()}


def worth(order: OrderRow, goods: Quantities) -> int:
    """What was paid for so many of its goods, without shipping. Of each line rounded down."""
    return sum(_paid(order, line) * goods.get(line.sku, 0) // line.quantity for line in order.lines)


def _paid(order: OrderRow, line: OrderLineRow) -> int:
    """Less its discount, and with its tax where that comes on top."""
    return line.total - line.discount + (0 if order.tax_included else line.tax)


def quantities(lines: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """`[{sku, quantity}]` by SKU; a SKU that is named twice is a mistake."""
    found = {line["sku"]: line["quantity"] for line in lines}
    if len(found) != len(lines):
        raise Invalid({"lines": ["Each SKU once."]})
    return found
