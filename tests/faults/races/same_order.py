"""The same order many times at once: under one idempotency key, and from one cart."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from tests.faults.races.report import Report
from tests.faults.races.tabs import at_once
from tests.faults.races.two_doors import Ground, order
from tests.sandboxes import Answer
from tests.stack import Client

RUNS = "SELECT runs.id FROM runs JOIN orders ON CAST(orders.id AS TEXT) = subject_id WHERE orders.email = :email"


def one_key(ground: Ground, *, times: int = 50) -> Report:
    """Order many times with one key: one run, one order, one charge; all others get the first answer again."""
    report = Report(f"one key {times} times")
    key = f"{ground.random.getrandbits(64):x}"
    answers = _order_at_once(report, ground, [key] * times)
    report.count_answers(answers, accepted=times)
    replays = [answer.headers.get("Idempotency-Replayed") for answer in answers]
    report.count("replays", replays.count("true"), times - 1)
    return report


def one_cart(ground: Ground, *, times: int = 50) -> Report:
    """Order one cart many times with different keys: one order takes the cart, all others find it empty."""
    report = Report(f"one cart ordered {times} times")
    keys = [f"{ground.random.getrandbits(64):x}" for _ in range(times)]
    answers = _order_at_once(report, ground, keys)
    report.count_answers(answers, accepted=1, cart_empty=times - 1)
    return report


def _order_at_once(report: Report, ground: Ground, keys: Sequence[str]) -> list[Answer]:
    """Order one customer's cart from many tabs at once, and count the effects: there may be one order."""
    client = ground.stack.client()
    with ground.tabs([client] * len(keys)) as tabs:
        ground.fill_carts(tabs[:1], ground.stack.sku(on_hand=len(keys)))
        answers = at_once([partial(order, tab, key) for tab, key in zip(tabs, keys, strict=True)])
        for _, placed in ground.keep(tabs, answers):
            client.finished(placed.job_id)
    _count_effects(report, ground, client)
    return answers


def _count_effects(report: Report, ground: Ground, client: Client) -> None:
    orders = client.get("GET", "/api/orders")["items"]
    captures = [capture for found in orders for capture in ground.stack.bank.captures(found["id"])]
    report.count("orders", len(orders), 1)
    report.count("runs", len(ground.stack.shelf.rows(RUNS, email=client.email)), 1)
    report.count("charges", len(captures), 1)
    report.count("units sold", sum(line["quantity"] for found in orders for line in found["lines"]), 1)
