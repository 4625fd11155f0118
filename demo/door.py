"""The HTTP client of the tour: plain HTTP, as any client would use it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

FINAL = ("succeeded", "failed", "needs_attention")
NOT_MODIFIED = 304

Json = dict[str, Any]


class Unexpected(RuntimeError):
    """The tour found something other than it expected."""


@dataclass
class Door:
    """A client of one server. After `sign_in` every request carries the access token."""

    url: str
    headers: dict[str, str] = field(default_factory=dict, repr=False)

    def sign_in(self, email: str, password: str) -> None:
        tokens = self.ask("POST", "/api/auth/login", {"email": email, "password": password})
        self.headers["Authorization"] = f"Bearer {tokens['access_token']}"

    def ask(self, method: str, path: str, body: Json | None = None) -> Json:
        """Send a request and return the body of a 2xx; raise Unexpected for any other answer, and for none."""
        return self._send(method, path, body, {})[1]

    def watch(self, job: str) -> Iterator[Json]:
        """Yield the job each time it has changed, until it is final."""
        tag = ""
        while True:
            fresh, seen = self._send("GET", f"/api/jobs/{job}?wait=20", None, {"If-None-Match": tag} if tag else {})
            if seen:
                tag = fresh
                yield seen
            if seen.get("status") in FINAL:
                return

    def _send(self, method: str, path: str, body: Json | None, more: dict[str, str]) -> tuple[str, Json]:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"} if data else {}
        wish = Request(self.url + path, data, headers | self.headers | more, method=method)
        try:
            with urlopen(wish, timeout=40) as answer:
                return answer.headers.get("ETag", ""), json.loads(answer.read() or b"{}")
        except HTTPError as error:
            with error:
                if error.code == NOT_MODIFIED:
                    return "", {}
                raise Unexpected(f"{method} {path} -> {error.code} {error.read().decode()}") from error
        except OSError as error:
            raise Unexpected(f"{self.url} does not answer ({error}). Is it up? `make up`") from error
