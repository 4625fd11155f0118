"""One round: every race once, and then the judge."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from tests.faults.races import coupon, one_customer, same_order, units
from tests.faults.races.report import Report
from tests.faults.races.two_doors import Ground

RACES = (
    units.units,
    same_order.one_key,
    same_order.one_cart,
    one_customer.cancels,
    one_customer.two_tabs,
    coupon.many_buyers,
    coupon.one_buyer,
)
QUICK = (
    partial(units.units, buyers=40),
    partial(same_order.one_key, times=20),
    partial(same_order.one_cart, times=20),
    partial(one_customer.cancels, times=20, orders=1),
    partial(one_customer.two_tabs, people=5),
    partial(coupon.many_buyers, buyers=20, uses=4),
    partial(coupon.one_buyer, times=10),
)


def round_of(ground: Ground, seed: int, *, quick: bool = False) -> Iterator[Report]:
    """Run every race and yield its report; the last report is the judge's on all orders of the round."""
    ground.begin(seed)
    for race in QUICK if quick else RACES:
        yield race(ground)
    ground.judge.faults_are_over()
    tally = ground.judge.verdict()
    yield Report(str(tally), wrong=tally.faults)
