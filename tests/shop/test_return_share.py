"""What goods that come back are worth: parts add up to what was paid for them, whatever comes in which order."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shop.fulfilment import parcel_shares
from shop.fulfilment.return_money import share

LINES = st.lists(st.tuples(st.integers(1, 9), st.integers(0, 10_000)), min_size=1, max_size=5)


def an_order(lines: list[tuple[int, int]], *, off: int = 0, tax: int = 0) -> Any:
    """`off`: percent off every line; `tax`: minor units on top of every line."""
    rows = [
        SimpleNamespace(sku=f"S{i}", quantity=n, total=n * price, discount=n * price * off // 100, tax=tax)
        for i, (n, price) in enumerate(lines)
    ]
    return SimpleNamespace(lines=rows, tax_included=not tax)


def test_a_discount_and_a_tax_on_top_go_back_with_their_line() -> None:
    order = an_order([(2, 1000), (1, 3000)], off=10, tax=100)
    assert share(order, {}, {"S0": 1}) == 950
    assert share(order, {"S0": 1}, {"S0": 1}) == 950
    assert share(order, {"S0": 2}, {"S1": 1}) == 2800


def test_tax_that_is_in_the_price_is_not_given_back_twice() -> None:
    order = an_order([(1, 1190)])
    order.lines[0].tax = 190
    assert share(order, {}, {"S0": 1}) == 1190


@given(lines=LINES, off=st.integers(0, 100), tax=st.integers(0, 999), extra=st.integers(0, 999), order=st.randoms())
def test_parcels_in_any_order_take_the_whole_total_and_never_more(
    lines: list[tuple[int, int]], off: int, tax: int, extra: int, order: Any
) -> None:
    placed = an_order(lines, off=off, tax=tax)
    placed.total = sum(line.total - line.discount + line.tax for line in placed.lines) + extra
    units = [line.sku for line in placed.lines for _ in range(line.quantity)]
    order.shuffle(units)
    sent: Counter[str] = Counter()
    parts = []
    for sku in units:
        parts.append(parcel_shares.share(placed, sent, {sku: 1}))
        sent[sku] += 1
    assert min(parts) >= 0
    assert sum(parts) == placed.total


def test_what_cost_nothing_is_worth_nothing() -> None:
    assert share(an_order([(1, 0)]), {}, {"S0": 1}) == 0
    assert share(an_order([(1, 1000)], off=100), {}, {"S0": 1}) == 0


@given(lines=LINES, off=st.integers(0, 100), tax=st.integers(0, 999), order=st.randoms())
def test_one_by_one_in_any_order_is_what_was_paid_for_the_goods(
    lines: list[tuple[int, int]], off: int, tax: int, order: Any
) -> None:
    placed = an_order(lines, off=off, tax=tax)
    units = [line.sku for line in placed.lines for _ in range(line.quantity)]
    order.shuffle(units)
    back: Counter[str] = Counter()
    parts = []
    for sku in units:
        parts.append(share(placed, back, {sku: 1}))
        back[sku] += 1
    assert min(parts) >= 0
    assert sum(parts) == sum(line.total - line.discount + line.tax for line in placed.lines)
