"""Whatever is in a cart and in force: totals add up, nothing is negative, the order of lines does not matter."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from shop.kernel.rounding import part, spread
from shop.pricing.offers import Kind, Offer
from shop.pricing.priced_line import PricedLine
from shop.pricing.quotes import Quote
from tests.shop.pricing.pricing import line, priced

CATEGORIES = [None, "furniture", "furniture/chairs", "garden"]
PRODUCTS = [None, "1", "2"]

line_of = st.builds(
    line,
    sku=st.sampled_from([f"SKU-{number}" for number in range(8)]),
    price=st.integers(0, 5000) | st.integers(0, 10**8),
    quantity=st.integers(1, 12) | st.integers(1, 999),
    category=st.sampled_from(CATEGORIES),
    product_id=st.sampled_from(PRODUCTS),
    tax_class=st.sampled_from(["standard", "reduced", "unknown"]),
)
lines_of = st.lists(line_of, max_size=6, unique_by=lambda one: one.sku)
offers_of = st.lists(
    st.builds(
        Offer,
        id=st.uuids().map(str),
        kind=st.sampled_from([*Kind]),
        name=st.just("off"),
        percent=st.integers(1, 10_000),
        amount=st.integers(1, 10_000),
        buy=st.integers(1, 4),
        free=st.integers(1, 4),
        category=st.sampled_from(CATEGORIES),
        product_id=st.sampled_from(PRODUCTS),
        minimum=st.integers(0, 20_000),
        priority=st.integers(-2, 2),
        stackable=st.booleans(),
    ),
    max_size=5,
    unique_by=lambda one: one.id,
)
methods = st.sampled_from([None, "standard", "express"])
countries = st.sampled_from(["DE", "FR"])


def told(quote: Quote) -> tuple[object, ...]:
    """Everything about it but the order of its lines."""
    sums = (quote.subtotal, quote.discount, quote.shipping, quote.tax, quote.total, quote.applied)
    return sums, {one.sku: (one.discount, one.tax) for one in quote.lines}


@settings(max_examples=300, deadline=None)
@given(lines_of, offers_of, methods, countries, st.booleans(), st.randoms(use_true_random=False))
def test_whatever_is_in_force(
    lines: list[PricedLine],
    offers: list[Offer],
    method: str | None,
    country: str,
    included: bool,
    random: object,
) -> None:
    quote = priced(lines, *offers, method=method, country=country, tax_included=included)
    _adds_up(quote)
    _no_more_is_taken_off_than_there_is(quote)
    shuffled, others = list(lines), list(offers)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    random.shuffle(others)  # type: ignore[attr-defined]
    assert told(priced(shuffled, *others, method=method, country=country, tax_included=included)) == told(quote)


def _adds_up(quote: Quote) -> None:
    added = 0 if quote.tax_included else quote.tax.amount
    due = quote.subtotal.amount - quote.discount.amount + quote.shipping.amount + added
    assert quote.total.amount == due == sum(amount.amount for _, amount in quote.breakdown)
    assert quote.subtotal.amount == sum(one.total.amount for one in quote.lines)
    assert quote.discount.amount == sum(one.discount.amount for one in quote.lines)
    assert quote.tax.amount == sum(one.tax.amount for one in quote.lines) + quote.shipping_tax.amount


def _no_more_is_taken_off_than_there_is(quote: Quote) -> None:
    for one in quote.lines:
        assert 0 <= one.discount.amount <= one.total.amount
        assert 0 <= one.tax.amount <= one.total.amount - one.discount.amount
    assert min(quote.shipping.amount, quote.tax.amount, quote.total.amount, quote.shipping_tax.amount) >= 0


@given(st.dictionaries(st.text(max_size=3), st.integers(0, 10**9), max_size=6), st.data())
def test_all_of_it_is_spread_and_nobody_gets_more_than_they_have(over: dict[str, int], data: st.DataObject) -> None:
    amount = data.draw(st.integers(0, sum(over.values())))
    shares = spread(amount, over)
    assert sum(shares.values()) == amount
    assert all(0 <= shares[name] <= have for name, have in over.items())


@given(st.integers(0, 10**12), st.integers(0, 10_000))
def test_a_part_is_within_half_a_unit_of_the_truth(amount: int, times: int) -> None:
    assert abs(part(amount, times, 10_000) * 10_000 - amount * times) * 2 <= 10_000
