"""What staff see of a payment and do with it, and what the doctor thinks of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import db
from doctor import payments, sandbox_ledger
from tests.api.clients import Person
from tests.fixtures import Configure


@pytest.fixture
def later_on(configure: Configure) -> None:
    """Money is captured when it is sent."""
    configure(PAYMENT_CAPTURE="on_fulfilment")


@pytest.fixture
def well(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """What the doctor finds in our own ledger."""
    monkeypatch.setattr(sandbox_ledger, "books", lambda: {"entries": [], "transfers": []})

    def look() -> list[str]:
        with db.reading() as session:
            checks = (
                payments.payments_match_their_transactions,
                payments.refunds_match_their_transactions,
                payments.no_refund_is_forgotten,
            )
            told = [told for check in (*checks, payments.nothing_is_given_twice) for told in check(session)]
            return told + [told for told in payments.money_is_conserved(session) if "at the bank" not in told]

    return look


def eur(amount: int) -> dict[str, Any]:
    return {"amount": amount, "currency": "EUR"}


def payment(staff: Person, order: str) -> dict[str, Any]:
    [found] = staff.get(f"/api/payments?order_id={order}").json["items"]
    return dict(found)


def sums(staff: Person, order: str) -> tuple[str, int, int, int, int]:
    found = payment(staff, order)
    return found["status"], *(found[name]["amount"] for name in ("authorised", "captured", "refunded", "settled"))


def kinds(staff: Person, order: str) -> list[tuple[str, int]]:
    return [(told["kind"], told["amount"]["amount"]) for told in payment(staff, order)["transactions"]]


def standing(person: Person, id: str) -> tuple[str, str]:
    seen = person.get(f"/api/orders/{id}").json
    return seen["status"], seen["payment_status"]


def do(staff: Person, order: str, what: str, **wish: Any) -> str:
    """Returns the job."""
    answer = staff.post(f"/api/payments/{payment(staff, order)['id']}/{what}", wish)
    assert answer.status_code == 202, answer.text
    job: str = answer.json["job"]["id"]
    return job


def give_back(staff: Person, order: str, amount: int, **more: Any) -> str:
    return do(staff, order, "refunds", amount=eur(amount), reason="a scratch", **more)
