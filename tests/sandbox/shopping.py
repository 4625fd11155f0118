"""Short words for long requests."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.sandboxes import Answer, Bank


def charge(bank: Bank, reference: str, token: str = "tok_ok", key: str | None = None, **more: Any) -> Answer:
    body = {"amount": 1000, "currency": "USD", "source": token, "capture": True, "reference": reference} | more
    return bank.call("POST", "/v1/charges", body, key or f"{reference}:charge")


def act(bank: Bank, charge_id: str, verb: str, key: str, **body: Any) -> Answer:
    return bank.call("POST", f"/v1/charges/{charge_id}/{verb}", body, key)


def code(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.body["error"]["code"]


def together(work: Any, times: int) -> list[Any]:
    """Call `work(0)` ... `work(times - 1)`, all at once."""
    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(work, range(times)))
