"""One coupon in many carts at once: it is redeemed exactly as often as its limits allow, in sum and per customer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from shop.pricing import offer_admin
from tests.faults.races.report import Report
from tests.faults.races.tabs import Tab, at_once
from tests.faults.races.two_doors import Ground, order
from tests.sandboxes import Answer
from tests.stack import Client, Order
from tests.stack.client import order_of

T = TypeVar("T")
OFF = 100
USES = """
SELECT offers.uses, (SELECT COUNT(*) FROM coupon_uses WHERE coupon_id = offers.id AND given_back_at IS NULL) AS held
FROM offers WHERE code = :code
"""


def many_buyers(ground: Ground, *, buyers: int = 50, uses: int = 10) -> Report:
    """Many customers order with a coupon for a few: each order has the discount, or is refused."""
    report = Report(f"{buyers} buyers with a coupon for {uses} orders")
    sku, code = ground.stack.sku(on_hand=buyers), _coupon(ground, total_limit=uses)
    with ground.tabs(ground.people(buyers)) as tabs:
        ground.fill_carts(tabs, sku)
        _side_by_side(tabs, lambda tab: tab.get("POST", "/api/cart/me/coupons", {"code": code}))
        answers = at_once([partial(order, tab) for tab in tabs])
        _count(report, ground, ground.keep(tabs, answers), code, uses)
        losers = [tab for tab, answer in zip(tabs, answers, strict=True) if answer.status == 409]
        _side_by_side(losers, lambda tab: tab.get("DELETE", f"/api/cart/me/coupons/{code}"))  # they race on
    report.count_answers(answers, accepted=uses, coupon_not_usable=buyers - uses)
    report.count("units left", ground.people(1)[0].stock(sku)["available"], buyers - uses)
    return report


def one_buyer(ground: Ground, *, times: int = 20, uses: int = 1) -> Report:
    """One customer orders many carts with a coupon at once, guests' carts by their tokens."""
    report = Report(f"one buyer {times} times with a coupon for {uses} orders of each customer")
    client, sku = ground.stack.client(), ground.stack.sku(on_hand=times)
    code = _coupon(ground, per_customer=uses)
    with ground.tabs([client] * times) as tabs:
        carts = _side_by_side(tabs, partial(_guests_cart, sku=sku, code=code))
        answers = at_once([partial(_order, tab, cart) for tab, cart in zip(tabs, carts, strict=True)])
        _count(report, ground, ground.keep(tabs, answers), code, uses)
    report.count_answers(answers, accepted=uses, coupon_not_usable=times - uses)
    report.count("units left", client.stock(sku)["available"], times - uses)
    return report


def _count(report: Report, ground: Ground, kept: Sequence[tuple[Client, Order]], code: str, uses: int) -> None:
    """Count confirmed orders, discounts, charges and redemptions of the coupon."""
    ends = [client.finished(placed.job_id, 120)["status"] for client, placed in kept]
    report.count("confirmed", ends.count("succeeded"), uses)
    totals = {placed.id: placed.body["order"] for _, placed in kept}
    report.count("with the discount", sum(one["discount"]["amount"] == OFF for one in totals.values()), uses)
    charged = [_taken(ground, id) == one["total"]["amount"] for id, one in totals.items()]
    report.count("charged what it costs", sum(charged), uses)
    [written] = ground.stack.shelf.rows(USES, code=code)
    report.count("uses counted", written["uses"], uses)
    report.count("uses written down", written["held"], uses)


def _taken(ground: Ground, id: str) -> int:
    return sum(capture["amount"] for capture in ground.stack.bank.captures(id))


def _coupon(ground: Ground, **limit: int) -> str:
    code = f"RACE-{ground.random.getrandbits(48):X}"
    with ground.stack.shelf.session() as session:
        offer_admin.make(session, {"name": "Race", "kind": "fixed", "amount": OFF, "code": code, **limit})
    return code


def _guests_cart(tab: Tab, sku: str, code: str) -> str:
    token: str = tab.get("POST", "/api/cart")["id"]
    tab.get("POST", f"/api/cart/{token}", {"sku": sku, "quantity": 1})
    tab.get("POST", f"/api/cart/{token}/coupons", {"code": code})
    return token


def _order(tab: Tab, cart: str) -> Answer:
    return tab.call("POST", "/api/orders", order_of("tok_ok") | {"cart": cart})


def _side_by_side(tabs: Sequence[Tab], act: Callable[[Tab], T]) -> list[T]:
    with ThreadPoolExecutor(16) as hands:
        return list(hands.map(act, tabs))
