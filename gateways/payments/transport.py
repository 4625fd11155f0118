"""JSON requests to a provider, and the outcome that each failure means."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from urllib3 import BaseHTTPResponse, PoolManager, Timeout
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError

from engine.outcomes import Refused, TryAgain, Unknown

CONNECT_SECONDS = 2.0
READ_SECONDS = 10.0

# urllib3 warns when there are more threads than kept connections; a spare connection is simply closed.
logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)


@dataclass(frozen=True)
class Reply:
    """A 2xx answer. `replayed`: the provider returned the stored answer of an earlier call with this key."""

    body: dict[str, Any]
    replayed: bool


def pool(connections: int, **more: Any) -> PoolManager:
    """Return a pool of kept-alive connections with short timeouts and no retries of its own: the engine retries."""
    timeout = Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS)
    return PoolManager(num_pools=2, maxsize=connections, block=False, timeout=timeout, retries=False, **more)


def send(
    pool: PoolManager, method: str, url: str, body: str | bytes | None, headers: Mapping[str, str]
) -> BaseHTTPResponse:
    """Send a request and return the response, whatever its status. Redirects are not followed.

    Raises TryAgain when nothing can have arrived, Unknown when something may have.
    """
    try:
        return pool.request(method, url, body=body, headers=headers, redirect=False)
    except (NewConnectionError, ConnectTimeoutError) as error:
        raise TryAgain("provider_unreachable", away=True) from error
    except HTTPError as error:  # sent, wholly or in part, and not answered
        raise Unknown("provider_silent", away=True) from error


class Transport:
    """A pool of kept-alive connections to one provider. Thread-safe; must not be shared across a fork.

    `get` and `post` raise what `failure` returns for a status other than 2xx.
    """

    def __init__(self, url: str, api_key: str, connections: int) -> None:
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {api_key}", "Content-Type": "application/json"}
        self._pool = pool(connections)

    def get(self, *path: str, query: Mapping[str, str] | None = None) -> Reply:
        return self._read(self._send("GET", path, None, {}, query))

    def post(self, *path: str, body: dict[str, Any], key: str) -> Reply:
        return self._read(self._send("POST", path, json.dumps(body), {"Idempotency-Key": key}))

    def close(self) -> None:
        self._pool.clear()

    def _send(
        self,
        method: str,
        path: tuple[str, ...],
        body: str | None,
        headers: dict[str, str],
        query: Mapping[str, str] | None = None,
    ) -> BaseHTTPResponse:
        url = "/".join([self._url, *(quote(part, safe="") for part in path)])
        url += f"?{urlencode(query)}" if query else ""
        return send(self._pool, method, url, body, self._headers | headers)

    def _read(self, response: BaseHTTPResponse) -> Reply:
        body = _object(response)
        if not 200 <= response.status < 300:
            raise failure(response.status, body, response.headers.get("Retry-After"))
        if body is None:
            raise Unknown("provider_garbled", away=True)
        return Reply(body, response.headers.get("Idempotency-Replayed") == "true")


def failure(status: int, body: dict[str, Any] | None, retry_after: str | None = None) -> Refused | TryAgain:
    """Return the outcome for an answer other than 2xx. It leaves out the provider's text, which may repeat secrets.

    ======== ===================== ============================================================================
    status   becomes               because
    ======== ===================== ============================================================================
    401, 403 TryAgain, away        our key is wrong or was rotated: no charge is at fault, an operator mends it
    429      TryAgain, away        too many calls, none of which was carried out
    503      TryAgain, away        with the provider's own error: it did nothing
    503      Unknown, away         without: a proxy's answer, and the provider behind it may have acted
    409      Unknown               in flight under the same key: the provider is there, and at work
    4xx      Refused               with the provider's own error: a decline or a wrong request, for good
    others   Unknown, away         what happened is unknown
    ======== ===================== ============================================================================
    """
    code, after = _code(body), _seconds(retry_after)
    if status in (401, 403):
        return TryAgain("provider_misconfigured", "The provider does not accept our key.", away=True)
    if status == 429 or (status == 503 and code):
        return TryAgain("provider_busy", after=after, away=True)
    if code == "idempotency_in_flight":
        return Unknown(code, answered=True)
    if 400 <= status < 500 and status != 408 and code:
        return Refused(code)
    return Unknown("provider_busy" if status == 503 else "provider_error", after=after, away=True)


def _object(response: BaseHTTPResponse) -> dict[str, Any] | None:
    try:
        body = json.loads(response.data)
    except ValueError:
        return None  # `_read` says what that means for this status
    return body if isinstance(body, dict) else None


def _code(body: dict[str, Any] | None) -> str | None:
    error = (body or {}).get("error")
    code = error.get("code") if isinstance(error, dict) else None
    return code if isinstance(code, str) and code.isidentifier() and len(code) < 60 else None


def _seconds(retry_after: str | None) -> float | None:
    """Return Retry-After in seconds; None for a date or no header: the step's own backoff decides then."""
    return float(retry_after) if retry_after and retry_after.isdecimal() else None
