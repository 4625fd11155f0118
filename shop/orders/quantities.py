"""Quantities of an order's lines: checked against what is left of them, and what they are worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from shop.kernel.errors import IllegalMove, Invalid, Refusal
from shop.orders.orders import OrderLineRow, OrderRow
from shop.orders.states import PaymentStatus, Status

Quantities = Mapping[str, int]  # SKU -> how many


class TooMany(Refusal):
    """The quantity is more than was ordered, or than was shipped."""

    code, title = "too_many", "More than there are"


def check_paid(order: OrderRow) -> None:
    """Raise IllegalMove unless the order is confirmed and not unpaid: only then can it be sent."""
    if order.status != Status.CONFIRMED:
        raise IllegalMove(f"The order is {order.status}; only one that is confirmed and paid for can be sent.")
    if order.payment_status == PaymentStatus.UNPAID:
        raise IllegalMove("The order is not paid for any more: its authorisation was let go.")


def check_room(order: OrderRow, wanted: Quantities, room: Quantities) -> None:
    """Raise Invalid for a SKU that is not in the order, TooMany for more of one than `room` has left."""
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
    """Return what was ordered, less what is backordered, by SKU."""
    return {line.sku: line.quantity - line.backordered for line in order.lines}


def less(whole: Quantities, part: Quantities) -> dict[str, int]:
    return {sku: n - part.get(sku, 0) for sku, n in whole.items()}


def worth(order: OrderRow, goods: Quantities) -> int:
    """Return what was paid for these goods, without shipping, in minor units; each line is rounded down."""
    return sum(_paid(order, line) * goods.get(line.sku, 0) // line.quantity for line in order.lines)


def _paid(order: OrderRow, line: OrderLineRow) -> int:
    """Return what was paid for the line: less its discount, with its tax where that comes on top."""
    return line.total - line.discount + (0 if order.tax_included else line.tax)


def quantities(lines: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Return the `[{sku, quantity}]` of a request by SKU. Raises Invalid when a SKU is named twice."""
    found = {line["sku"]: line["quantity"] for line in lines}
    if len(found) != len(lines):
        raise Invalid({"lines": ["Each SKU once."]})
    return found
