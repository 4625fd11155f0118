"""What offers, shipping and tax come to, by examples with exact sums."""

from __future__ import annotations

import pytest

from shop.kernel.errors import Invalid
from shop.pricing.quotes import Quote, Terms, quote
from shop.pricing.rates import Tariffs
from tests.shop.pricing.pricing import METHODS, line, offer, priced


def sums(quote: Quote) -> tuple[int, int, int, int, int]:
    return (
        quote.subtotal.amount,
        quote.discount.amount,
        quote.shipping.amount,
        quote.tax.amount,
        quote.total.amount,
    )


def off(quote: Quote) -> dict[str, int]:
    return {line.sku: line.discount.amount for line in quote.lines}


def test_nothing_in_force_is_the_sum_of_the_lines_and_shipping() -> None:
    assert sums(priced([line(quantity=2), line("LAMP", 500)], method="standard")) == (2500, 0, 490, 0, 2990)


def test_an_empty_cart_costs_nothing_and_is_not_shipped() -> None:
    assert sums(priced([], offer("fixed", amount=500), method="standard")) == (0, 0, 0, 0, 0)


def test_a_percentage_is_rounded_line_by_line_the_half_up() -> None:
    quote = priced([line("A", 105), line("B", 105)], offer("percentage", percent=1000))
    assert off(quote) == {"A": 11, "B": 11}


def test_a_fixed_amount_is_spread_to_the_cent() -> None:
    quote = priced([line("A", 100), line("B", 100), line("C", 100)], offer("fixed", amount=100))
    assert off(quote) == {"A": 34, "B": 33, "C": 33}


def test_a_fixed_amount_never_exceeds_what_it_applies_to() -> None:
    chair, lamp = line("CHAIR", 300), line("LAMP", 900, category="lights")
    quote = priced([chair, lamp], offer("fixed", amount=5000, category="furniture"), method="standard")
    assert off(quote) == {"CHAIR": 300, "LAMP": 0}
    assert sums(quote) == (1200, 300, 490, 0, 1390)


@pytest.mark.parametrize(("quantity", "free"), [(2, 0), (3, 1), (5, 1), (6, 2)])
def test_three_for_two(quantity: int, free: int) -> None:
    assert priced([line(quantity=quantity)], offer("buy_x_get_y", buy=2, free=1)).discount.amount == free * 1000


def test_of_different_goods_the_cheapest_is_free() -> None:
    goods = [line("A", 900), line("B", 500), line("C", 700)]
    assert off(priced(goods, offer("buy_x_get_y", buy=2, free=1))) == {"A": 0, "B": 500, "C": 0}
    assert off(priced(goods, offer("buy_x_get_y", buy=2, free=1, percent=5000))) == {"A": 0, "B": 250, "C": 0}


def test_a_category_covers_what_is_below_it_and_not_what_only_begins_alike() -> None:
    goods = [line("A", category="furniture"), line("B", category="furniture/chairs"), line("C", category="furnitures")]
    goods.append(line("D", category=None))
    assert off(priced(goods, offer("percentage", percent=5000, category="furniture"))) == {
        "A": 500,
        "B": 500,
        "C": 0,
        "D": 0,
    }


def test_a_product_is_that_product_only() -> None:
    goods = [line("A", product_id="1"), line("B", product_id="2")]
    assert off(priced(goods, offer("percentage", percent=1000, product_id="1"))) == {"A": 100, "B": 0}


@pytest.mark.parametrize(("minimum", "discount"), [(1000, 100), (1001, 0)])
def test_a_minimum_counts_the_goods_before_discounts(minimum: int, discount: int) -> None:
    first = offer("fixed", amount=900, priority=9)
    second = offer("percentage", percent=10000, minimum=minimum)
    assert priced([line()], first, second).discount.amount == 900 + discount


def test_stackable_offers_take_from_what_the_others_have_left() -> None:
    half, fifty = offer("percentage", percent=5000, priority=2), offer("fixed", amount=50, priority=1)
    assert priced([line()], fifty, half).discount.amount == 550
    assert priced([line()], offer("fixed", amount=50, priority=3), half).discount.amount == 525


def test_an_offer_that_does_not_stack_is_alone_or_not_at_all() -> None:
    alone = offer("percentage", percent=1000, priority=2, stackable=False)
    other = offer("fixed", amount=500, priority=1)
    assert priced([line()], alone, other).discount.amount == 100
    late = offer("percentage", percent=1000, priority=0, stackable=False)
    assert priced([line()], late, other).discount.amount == 500


def test_an_offer_that_would_take_nothing_off_keeps_nobody_out() -> None:
    elsewhere = offer("percentage", percent=1000, priority=2, stackable=False, category="garden")
    assert priced([line()], elsewhere, offer("fixed", amount=500)).discount.amount == 500


def test_free_shipping_is_shown_and_not_paid() -> None:
    quote = priced([line()], offer("free_shipping"), method="standard")
    assert sums(quote) == (1000, 0, 0, 0, 1000)
    assert [(label, amount.amount) for label, amount in quote.breakdown] == [
        ("1 x Chair", 1000),
        ("Shipping, standard", 490),
        ("free_shipping", -490),
    ]


@pytest.mark.parametrize(("price", "shipping"), [(9999, 1290), (10_000, 0)])
def test_shipping_is_free_from_an_amount_on(price: int, shipping: int) -> None:
    assert priced([line(price=price)], method="express").shipping.amount == shipping


def test_what_is_taken_off_counts_for_that_amount() -> None:
    assert priced([line(price=10_000)], offer("fixed", amount=1), method="express").shipping.amount == 1290


def test_tax_that_prices_include_is_shown_and_not_added() -> None:
    quote = priced([line(price=1190), line("BOOK", 1070, tax_class="reduced")], country="DE", method="standard")
    assert [one.tax.amount for one in quote.lines] == [190, 70]
    assert sums(quote) == (2260, 0, 490, 190 + 70 + 41 + 15, 2750)
    assert list(quote.taxes) == [{"rate": 1900, "net": 1217, "tax": 231}, {"rate": 700, "net": 1217, "tax": 85}]


def test_shipping_is_taxed_like_the_goods_or_at_its_own_rate_as_the_country_or_staff_have_it() -> None:
    """4.90 beside 100.00 at 19 % and 100.00 at 7 %: a half of it each."""
    goods = [line(sku, 10_000, tax_class=name) for sku, name in (("A", "standard"), ("B", "reduced"))]
    rates = {(country, name): rate for country in ("DE", "US") for name, rate in (("standard", 1900), ("reduced", 700))}

    def tax(country: str, said: dict[tuple[str, str], str]) -> int:
        tariffs = Tariffs(METHODS, rates, said)
        return quote(goods, Terms(tariffs, country, tax_included=False), "standard").shipping_tax.amount

    assert tax("DE", {}) == 47 + 17
    assert tax("US", {}) == 93
    assert tax("DE", {("DE", "standard"): "own_rate"}) == 93
    assert tax("US", {("US", "standard"): "like_goods"}) == 47 + 17


def test_shipping_of_goods_that_are_free_goes_by_what_they_would_cost() -> None:
    goods = [line("A", 3_000), line("B", 1_000, tax_class="reduced")]
    free = priced(goods, offer("percentage", percent=10_000), method="standard", country="DE", tax_included=False)
    assert (free.total.amount, free.shipping_tax.amount) == (490 + 79, 70 + 9)


def test_tax_that_prices_do_not_include_is_added() -> None:
    quote = priced([line()], country="DE", method="standard", tax_included=False)
    assert sums(quote) == (1000, 0, 490, 190 + 93, 1773)
    assert quote.breakdown[-1][0] == "Tax"


def test_tax_is_of_what_is_left_after_discounts() -> None:
    quote = priced([line()], offer("fixed", amount=500), country="DE", tax_included=False)
    assert sums(quote) == (1000, 500, 0, 95, 595)


def test_tax_is_rounded_line_by_line() -> None:
    quote = priced([line("A", 3), line("B", 3)], country="DE", tax_included=False)
    assert sums(quote) == (6, 0, 0, 2, 8), "2 x 0.57 rounded each, not 1.14"


def test_an_unknown_shipping_method_is_refused_and_named() -> None:
    with pytest.raises(Invalid) as refused:
        priced([line()], method="dragon")
    assert refused.value.more["errors"] == {"shipping_method": ["One of standard, express."]}
