"""The official SDK, told to do one thing at a time: no retries (the engine has them), no telemetry, no log of its own.

Its `stripe` logger would repeat what Stripe says of a request, which may hold what was sent.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

import stripe

from gateways.payments.stripe_errors import sorted_out
from gateways.payments.transport import pool, send

stripe.enable_telemetry = False  # it writes a file into the home directory of whoever runs it
logging.getLogger("stripe").setLevel(logging.WARNING)


class Connections(stripe.HTTPClient):  # type: ignore[misc] # its classes are not followed
    """The SDK's requests over our pool: what never arrived is told from what may have."""

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
    """One Stripe account. Every call answers with plain data, or raises Refused, TryAgain or Unknown."""

    def __init__(self, secret_key: str, api_base: str | None, connections: int) -> None:
        self._http = Connections(connections)
        base: Any = {"api": api_base} if api_base else None
        made = stripe.StripeClient(secret_key, base_addresses=base, http_client=self._http, max_network_retries=0)
        self.v1: Any = made.v1

    def call(
        self, function: Callable[..., Any], *path: str, key: str | None = None, **params: Any
    ) -> Mapping[str, Any]:
        """`call(client.v1.refunds.create, key="...", charge="ch_...")`."""
        return self._call(function, path, key, params)[0]

    def once(self, function: Callable[..., Any], *path: str, key: str, **params: Any) -> tuple[Mapping[str, Any], bool]:
        """The same, and whether it is the stored answer of an earlier call with this key."""
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
            raise sorted_out(error) from None  # its text may hold what was sent
        replayed = answer.last_response.headers.get("Idempotent-Replayed") == "true"
        return answer.to_dict(), replayed
