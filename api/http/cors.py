"""CORS: pages of other sites may call the API from a browser only if CORS_ORIGINS names them.

No cookie authenticates a request, so that no site can use a session that the browser keeps.
"""

from __future__ import annotations

from flask import Flask
from flask_cors import CORS

from config import settings

SENT = ("Authorization", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match",
        "X-Order-Token", "X-Request-ID")  # fmt: skip
TOLD = ("ETag", "Idempotency-Replayed", "Location", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset",
        "Retry-After", "X-Request-ID")  # fmt: skip
VERBS = ("GET", "POST", "PUT", "PATCH", "DELETE")
SECONDS = 600


def init_app(app: Flask) -> None:
    origins = settings().cors_origins
    if origins:
        CORS(
            app,
            resources=r"/api/.*",
            origins=list(origins),
            methods=list(VERBS),
            allow_headers=list(SENT),
            expose_headers=list(TOLD),
            max_age=SECONDS,
            send_wildcard="*" in origins,
        )
