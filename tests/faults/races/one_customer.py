"""One customer with several connections: cancelling while the card is charged, and paying from two tabs."""

from __future__ import annotations

import time
from collections import Counter
from functools import partial
from typing import Any

from tests.faults.races.report import Report
from tests.faults.races.tabs import Tab, at_once
from tests.faults.races.two_doors import Ground, order
from tests.sandboxes import Answer

CHARGE_SECONDS = 0.3
TOO_LATE = {"too_late_to_cancel", "illegal_state"}


def cancels(ground: Ground, *, times: int = 50, orders: int = 3) -> Report:
    """Cancel each order many times at once: with a 202 the order is cancelled and refunded, with a 409 it succeeds."""
    report = Report(f"{orders} orders cancelled {times} times each while they are charged")
    ground.stack.bank.control(latency_ms=CHARGE_SECONDS * 1000)
    ends = [_cancel_one(report, ground, times) for _ in range(orders)]
    ground.stack.bank.control(latency_ms=0)
    report.figures |= Counter(ends)
    return report


def _cancel_one(report: Report, ground: Ground, times: int) -> str:
    client, sku = ground.stack.client(), ground.stack.sku(on_hand=1)
    with ground.tabs([client] * times) as tabs:
        ground.fill_carts(tabs[:1], sku)
        [(_, placed)] = ground.keep(tabs[:1], [order(tabs[0])])
        time.sleep(ground.random.uniform(0, 2 * CHARGE_SECONDS))
        # Cancelling the order would also refund a paid one; cancelling the job only turns back what is under way.
        answers = at_once([partial(tab.call, "POST", f"/api/jobs/{placed.job_id}/cancel") for tab in tabs])
    job = client.finished(placed.job_id)
    told = any(answer.status == 202 for answer in answers)
    report.wrong += [f"a cancel was answered {odd.status} {odd.body}" for odd in answers if not _is_clear(odd)]
    report.wrong += _wrong_end(job, told) + _wrong_stock(client.stock(sku), left=int(told))
    return "called off" if told else "too late to cancel"


def _is_clear(answer: Answer) -> bool:
    return answer.status == 202 or (answer.status == 409 and answer.body["code"] in TOO_LATE)


def _wrong_stock(stock: dict[str, object], left: int) -> list[str]:
    return [] if (stock["on_hand"], stock["reserved"]) == (left, 0) else [f"{left} should be left: {stock}"]


def _wrong_end(job: dict[str, Any], told: bool) -> list[str]:
    right = ("failed", "cancelled") if told else ("succeeded", None)
    found = (job["status"], (job["error"] or {}).get("code"))
    return [] if found == right else [f"a cancel was {'accepted' if told else 'refused'}, and the job is {job}"]


def two_tabs(ground: Ground, *, people: int = 20) -> Report:
    """Both tabs of a customer put one unit into the cart and pay; each unit is bought once, or is still in the cart."""
    report = Report(f"{people} people paying from two tabs each")
    sku, clients = ground.stack.sku(on_hand=2 * people), ground.people(people)
    with ground.tabs([client for client in clients for _ in range(2)]) as tabs:
        for tab in tabs[::2]:
            tab.get("DELETE", "/api/cart/me")
        answers = at_once([partial(_add_and_pay, tab, sku) for tab in tabs])
        kept = ground.keep(tabs, answers)
        in_carts = sum(_in_cart(tab) for tab in tabs[::2])
    report.wrong += [f"an order was answered {a.status} {a.body}" for a in answers if not _is_order_or_nothing(a)]
    ends = [client.finished(placed.job_id)["status"] for client, placed in kept]
    report.figures |= {"orders": len(kept), "tabs that came too late": len(answers) - len(kept)}
    report.count("succeeded", ends.count("succeeded"), len(kept))
    bought = sum(line["quantity"] for _, placed in kept for line in placed.body["order"]["lines"])
    report.count("units bought or still in carts", bought + in_carts, 2 * people)
    report.count("units left", clients[0].stock(sku)["on_hand"], 2 * people - bought)
    return report


def _add_and_pay(tab: Tab, sku: str) -> Answer:
    tab.get("POST", "/api/cart/me", {"sku": sku, "quantity": 1})
    return order(tab)


def _is_order_or_nothing(answer: Answer) -> bool:
    return answer.status == 202 or (answer.status, answer.body.get("code")) == (409, "cart_empty")


def _in_cart(tab: Tab) -> int:
    return sum(line["quantity"] for line in tab.get("GET", "/api/cart/me")["lines"])
