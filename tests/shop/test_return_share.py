"""What goods that come back are worth: parts add up to what was paid for them, whatever comes in which order."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shop.returns import share

LINES = st.lists(st.tuples(st.integers(1, 9), st.integers(0, 10_000)), min_size=1, max_size=5)


def an_order(lines: list[tuple[int, int]], discount: int = 0, shipping: int = 490) -> Any:
    rows = [SimpleNamespace(sku=f"S{i}", quantity=n, total=n * price) for i, (n, price) in enumerate(lines)]
    goods = max(0, sum(row.total for row in rows) - discount)
    return SimpleNamespace(lines=rows, shipping=shipping, total=goods + shipping)


def test_a_discount_is_shared_by_value() -> None:
    order = an_order([(2, 1000), (1, 3000)], discount=500)
    assert share(order, {}, {"S0": 1}) == 900
    assert share(order, {"S0": 1}, {"S0": 1}) == 900
    assert share(order, {"S0": 2}, {"S1": 1}) == 2700


def test_shipping_stays_with_the_shop() -> None:
    order = an_order([(1, 1000)], shipping=490)
    assert (share(order, {}, {"S0": 1}), order.total) == (1000, 1490)


def test_what_cost_nothing_is_worth_nothing() -> None:
    assert share(an_order([(1, 0)]), {}, {"S0": 1}) == 0
    assert share(an_order([(1, 1000)], discount=2000), {}, {"S0": 1}) == 0


@given(lines=LINES, discount=st.integers(0, 20_000), order=st.randoms())
def test_one_by_one_in_any_order_is_what_was_paid_for_the_goods(
    lines: list[tuple[int, int]], discount: int, order: Any
) -> None:
    placed = an_order(lines, discount)
    units = [line.sku for line in placed.lines for _ in range(line.quantity)]
    order.shuffle(units)
    back: Counter[str] = Counter()
    parts = []
    for sku in units:
        parts.append(share(placed, back, {sku: 1}))
        back[sku] += 1
    assert min(parts) >= 0
    worth = sum(line.total for line in placed.lines)
    assert sum(parts) == (placed.total - placed.shipping if worth else 0)
