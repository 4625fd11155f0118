"""python -m tests.server.echo PORT LIMITS: the server over an app that says what reached it. LIMITS are JSON."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from server.limits import Limits
from server.listening import listener
from server.loop import Loop
from server.requests import environ_of
from tests.server.odd import APPS

SEEN: list[str] = []


def app(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    if environ["PATH_INFO"].startswith("/odd/"):
        return APPS[environ["PATH_INFO"][5:]](start)
    path, body = environ["PATH_INFO"], environ["wsgi.input"].read()
    if path == "/seen":
        told = json.dumps(SEEN).encode()
    elif path == "/stream":
        start("200 OK", [("Content-Type", "text/plain")])
        return (b"x" * 100_000 for _ in range(int(environ["QUERY_STRING"])))
    else:
        SEEN.append(f"{environ['REQUEST_METHOD']} {path}")
        time.sleep(float(environ["QUERY_STRING"] or 0))
        if path.startswith("/write/"):
            Path(path.removeprefix("/write/")).touch()
        told = json.dumps({"body": body.decode(), "headers": _headers(environ)}).encode()
    start("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(told)))])
    return [told]


def _headers(environ: dict[str, Any]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if name.startswith(("HTTP_", "CONTENT_"))}


if __name__ == "__main__":
    port, limits = int(sys.argv[1]), Limits(**json.loads(sys.argv[2]))
    Loop(app, listener("127.0.0.1", port), environ_of("127.0.0.1", port), limits).run()
