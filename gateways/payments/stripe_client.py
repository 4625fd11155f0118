"""Stripe's official SDK, configured without retries (the engine retries), telemetry and logs of its own.

Its `stripe` logger would write what Stripe answers, which may repeat what was sent.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

import stripe

from gateways.payments.stripe_errors import sorted_out
from gateways.payments.transport import pool, send

stripe.enable_telemetry = False  # it writes a file into the home directory of the user
logging.getLogger("stripe").setLevel(logging.WARNING)


class Connections(stripe.HTTPClient):  # type: ignore[misc] # its classes are not followed
    """The SDK's HTTP client over our pool: it raises TryAgain if nothing can have arrived, Unknown if it may have."""

    name = "urllib3"

    def __init__(self, connections: int) -> None:
        super().__init__()
        self._pool = pool(connections, ca_certs=stripe.ca_bundle_path)

    def request(self, method: str, url: str, headers: Any, post_data: Any = None, **_: Any) -> tuple[Any, int, Any]:
        reply = send(self._pool, method.upper(), url, post_data, headers)
        return reply.data, reply.status, reply.headers

    def close(self) -> None:
        self._pool.clear()


class Client:
    """One Stripe account. Every call returns plain data, or raises Refused, TryAgain or Unknown."""

    def __init__(self, secret_key: str, api_base: str | None, connections: int) -> None:
        self._http = Connections(connections)
        base: Any = {"api": api_base} if api_base else None
        made = stripe.StripeClient(secret_key, base_addresses=base, http_client=self._http, max_network_retries=0)
        self.v1: Any = made.v1

    def call(
        self, function: Callable[..., Any], *path: str, key: str | None = None, **params: Any
    ) -> Mapping[str, Any]:
        """Call a function of the SDK and return its answer: `call(client.v1.refunds.create, key="...", charge="...")`.

        `key`: the idempotency key; None for calls that only read.
        """
        return self._call(function, path, key, params)[0]

    def once(self, function: Callable[..., Any], *path: str, key: str, **params: Any) -> tuple[Mapping[str, Any], bool]:
        """Return what `call` does, and whether it is the stored answer of an earlier call with this key."""
        return self._call(function, path, key, params)

    def close(self) -> None:
        self._http.close()

    def _call(
        self, function: Callable[..., Any], path: tuple[str, ...], key: str | None, params: dict[str, Any]
    ) -> tuple[Mapping[str, Any], bool]:
        options = {"idempotency_key": key} if key else {}
        try:
            answer = function(*path, params=params, options=options)
        except stripe.StripeError as error:
            raise sorted_out(error) from None  # its text may repeat what was sent
        replayed = answer.last_response.headers.get("Idempotent-Replayed") == "true"
        return answer.to_dict(), replayed
