"""A client of the API, over HTTP only."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from tests.sandboxes import Answer, request

PASSWORD = "a long enough password"
FINAL = ("succeeded", "failed", "needs_attention")
ADDRESS = {"name": "Casey", "line1": "Main Street 1", "city": "Berlin", "postal_code": "10115", "country": "DE"}


@dataclass(frozen=True)
class Order:
    """An accepted order, as the 202 shows it."""

    id: str
    job_id: str
    number: str
    body: dict[str, Any]


class Client:
    """A customer's client. It is not registered or signed in by itself; `Stack.client` returns one that is."""

    def __init__(self, url: str, email: str) -> None:
        self.url, self.email, self.tokens = url, email, {"access_token": ""}

    def register(self, name: str = "Casey Customer") -> Answer:
        return self.call("POST", "/api/users", {"email": self.email, "password": PASSWORD, "name": name})

    def sign_in(self) -> None:
        self.tokens = self.get("POST", "/api/auth/login", {"email": self.email, "password": PASSWORD})

    def call(self, method: str, path: str, body: dict[str, Any] | None = None, **headers: str) -> Answer:
        """Send a request and return the answer, whatever its status. Header names have _ for -: Idempotency_Key="x"."""
        token = self.tokens["access_token"]
        signed = {"Authorization": f"Bearer {token}"} if token else {}
        return self.send(method, path, body, signed | {n.replace("_", "-"): v for n, v in headers.items()})

    def send(self, method: str, path: str, body: dict[str, Any] | None, headers: dict[str, str]) -> Answer:
        """Send a request with these headers and no others, over a new connection."""
        return request(method, self.url + path, body, headers)

    def get(self, method: str, path: str, body: dict[str, Any] | None = None, **headers: str) -> dict[str, Any]:
        """Send a request and return the body of the answer, whose status must be below 400."""
        answer = self.call(method, path, body, **headers)
        assert answer.status < 400, f"{method} {path} -> {answer.status} {answer.body}"
        return answer.body

    def place(self, sku: str, quantity: int = 1, token: str = "tok_ok", key: str | None = None) -> Order:
        """Put a SKU into the cart and order the cart."""
        self.get("POST", "/api/cart/me", {"sku": sku, "quantity": quantity})
        return self.order(token, key)

    def order(self, token: str = "tok_ok", key: str | None = None) -> Order:
        headers = {"Idempotency_Key": key} if key else {}
        body = self.get("POST", "/api/orders", order_of(token), **headers)
        return Order(body["order"]["id"], body["job"]["id"], body["order"]["number"], body)

    def job(self, id: str, wait: float = 0) -> dict[str, Any]:
        return self.get("GET", f"/api/jobs/{id}" + (f"?wait={wait:g}" if wait else ""))

    def finished(self, id: str, seconds: float = 30.0) -> dict[str, Any]:
        """Wait until the job is final, and return it."""
        return self.until(id, lambda job: job["status"] in FINAL, seconds)

    def until(self, id: str, enough: Any, seconds: float = 30.0) -> dict[str, Any]:
        """Wait until `enough(job)`, and return the job; fails after `seconds`."""
        deadline = time.monotonic() + seconds
        while not enough(job := self.job(id)):
            assert time.monotonic() < deadline, f"after {seconds} s it is still {job}"
            self.job(id, wait=1)
        return job

    def stock(self, sku: str) -> dict[str, Any]:
        """Return the stock level of a SKU, without its locations."""
        told = self.get("GET", f"/api/stock/{sku}")
        return {name: told[name] for name in ("sku", "on_hand", "reserved", "available")}


def order_of(token: str) -> dict[str, Any]:
    payment = {"method": "card", "token": token}
    wish = {"cart": "me", "shipping_address": ADDRESS, "shipping_method": "standard", "payment": payment}
    return wish | {"accept_problems": True}  # so that the run finds what is sold out, and not the API: that is drilled
