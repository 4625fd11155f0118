"""What offers had taken off goods that stay is kept back when they hold no longer, in any order of returns."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.fulfilment.return_money import for_goods
from shop.pricing.offers import Offer
from shop.pricing.quotes import Quote, Terms, quote
from shop.pricing.rates import ShippingMethod, Tariffs
from tests.shop.pricing.pricing import line, offer, priced
from tests.shop.pricing.test_prices_model import lines_of, offers_of


def as_order(quoted: Quote) -> Any:
    rows = [
        SimpleNamespace(
            sku=one.sku,
            quantity=one.quantity,
            unit_price=one.unit_price.amount,
            total=one.total.amount,
            discount=one.discount.amount,
            tax=one.tax.amount,
            tax_rate=one.tax_rate,
        )
        for one in quoted.lines
    ]
    return SimpleNamespace(lines=rows, tax_included=quoted.tax_included, conditions=list(quoted.conditions))


def parts(quoted: Quote, *returns: dict[str, int]) -> list[int]:
    """What is due for each of these, one after the other."""
    order, back, found = as_order(quoted), Counter[str](), list[int]()
    for coming in returns:
        _, due, _ = for_goods(order, back, sum(found), coming)
        found.append(due)
        back.update(coming)
    return found


def lost(quoted: Quote, coming: dict[str, int]) -> list[tuple[str, int]]:
    return list(for_goods(as_order(quoted), {}, 0, coming)[2])


def test_of_buy_one_get_one_the_free_one_is_paid_for_when_it_stays() -> None:
    quoted = priced([line("A", 10_000), line("B", 2_000)], offer("buy_x_get_y", buy=1, free=1))
    assert parts(quoted, {"A": 1}, {"B": 1}) == [8_000, 2_000]
    assert parts(quoted, {"B": 1}, {"A": 1}) == [0, 10_000]
    assert lost(quoted, {"A": 1}) == [("buy_x_get_y", 2_000)]


def test_of_three_for_two_of_one_kind_one_back_is_worth_nothing() -> None:
    """Two that stay cost what was paid for three."""
    quoted = priced([line("A", 1_000, 3)], offer("buy_x_get_y", buy=2, free=1))
    assert parts(quoted, {"A": 1}, {"A": 1}, {"A": 1}) == [0, 1_000, 1_000]


def test_ten_off_from_fifty_on_is_gone_below() -> None:
    quoted = priced([line("A", 3_000), line("B", 3_000), line("C", 2_000)], offer("fixed", amount=1_000, minimum=5_000))
    assert parts(quoted, {"A": 1}) == [2_625], "fifty stay: its own share of the ten is all that goes"
    assert parts(quoted, {"A": 1}, {"B": 1}, {"C": 1}) == [2_625, 2_375, 2_000]
    assert lost(quoted, {"A": 1, "C": 1}) == [("fixed", 375)]


def test_per_cents_without_a_minimum_always_hold() -> None:
    quoted = priced([line("A", 999, 3), line("B", 101)], offer("percentage", percent=1250))
    assert lost(quoted, {"A": 2}) == []
    assert sum(parts(quoted, {"A": 1}, {"B": 1}, {"A": 2})) == 999 * 3 - 375 + 101 - 13


def test_free_shipping_from_a_hundred_on_is_paid_for_below() -> None:
    goods = [line("A", 6_000), line("B", 4_000)]
    by_offer = priced(goods, offer("free_shipping", minimum=10_000), method="standard")
    by_method = priced(goods, method="express")
    assert (by_offer.shipping.amount, by_method.shipping.amount) == (0, 0)
    assert parts(by_offer, {"B": 1}, {"A": 1}) == [4_000 - 490, 6_000 + 490]
    assert parts(by_method, {"B": 1}, {"A": 1}) == [4_000 - 1_290, 6_000 + 1_290]
    assert lost(by_method, {"B": 1}) == [("express", 1_290)]
    assert parts(by_offer, {"A": 1, "B": 1}) == [10_000], "nothing stays that would have been sent"


def free_from(minimum: int, id: str = "1") -> Offer:
    return Offer(id=id, kind="free_shipping", name=f"from {minimum}", minimum=minimum)


def test_shipping_that_two_offers_made_free_is_paid_for_once() -> None:
    quoted = priced([line("A", 6_000), line("B", 4_000)], free_from(9_000), free_from(9_500, "2"), method="standard")
    assert lost(quoted, {"B": 1}) == [("from 9000", 490)]
    assert parts(quoted, {"B": 1}, {"A": 1}) == [4_000 - 490, 6_000 + 490]


@pytest.mark.parametrize(("method", "other"), [("standard", 9_000), ("express", 9_000), ("express", 0)])
def test_shipping_stays_free_while_one_of_what_made_it_free_holds(method: str, other: int) -> None:
    """`express` is free from 10,000 on by itself."""
    quoted = priced([line("A", 6_000), line("B", 4_000)], free_from(other), free_from(5_000, "2"), method=method)
    assert lost(quoted, {"B": 1}) == []
    assert parts(quoted, {"B": 1}, {"A": 1}) == [4_000, 6_000]


def test_what_has_one_name_is_lost_each_for_itself() -> None:
    """Nothing says that offers have names of their own, nor that no offer is called as a shipping method is."""
    offers = [Offer(id=str(n), kind="fixed", name="express", amount=100 * n, minimum=10_000) for n in (1, 2)]
    quoted = priced([line("A", 6_000), line("B", 5_000)], *offers, method="express")
    found = [("express", 45), ("express", 91), ("express", 1_290)]
    assert (lost(quoted, {"A": 1}), parts(quoted, {"A": 1})) == (found, [6_000 - 55 - 109 - 45 - 91 - 1_290])


def test_never_below_nothing_and_owed_with_the_next() -> None:
    quoted = priced([line("A", 5_000), line("B", 100)], offer("fixed", amount=2_000, minimum=5_050))
    assert parts(quoted, {"B": 1}, {"A": 1}) == [0, 3_100]


def test_what_is_lost_has_its_tax_where_prices_are_without() -> None:
    goods = [line("A", 3_000), line("B", 3_000)]
    quoted = priced(goods, offer("fixed", amount=1_000, minimum=5_000), country="DE", tax_included=False)
    assert parts(quoted, {"A": 1}) == [2_975 - 595]


@given(
    lines=lines_of.filter(bool),
    offers=offers_of,
    method=st.sampled_from([None, "standard"]),
    included=st.booleans(),
    order=st.randoms(use_true_random=False),
)
def test_parts_in_any_order_add_up_and_are_never_below_nothing(
    lines: list[Any], offers: list[Offer], method: str | None, included: bool, order: Any
) -> None:
    tariffs = Tariffs({"standard": ShippingMethod("standard", 490, free_above=5_000)}, {("DE", "standard"): 1900})
    quoted = quote(lines, Terms(tariffs, "DE", offers, included), method)
    units = [(one.sku, n) for one in quoted.lines for n in _lots(one.quantity)]
    order.shuffle(units)
    found = parts(quoted, *({sku: n} for sku, n in units))
    paid = sum(one.total.amount - one.discount.amount + (0 if included else one.tax.amount) for one in quoted.lines)
    assert min(found) >= 0
    assert sum(found) == paid


def _lots(quantity: int) -> list[int]:
    return [quantity // 2, quantity - quantity // 2] if quantity > 1 else [1]


@pytest.mark.parametrize("back", [{"A": 1}, {"B": 1}])
def test_an_order_from_before_keeps_nothing_back(back: dict[str, int]) -> None:
    quoted = priced([line("A", 10_000), line("B", 2_000)], offer("buy_x_get_y", buy=1, free=1))
    order = as_order(quoted)
    order.conditions = None
    assert for_goods(order, {}, 0, back)[1] == {"A": 10_000, "B": 0}[next(iter(back))]
