"""The HTTP base of both sandboxes: one error shape, strict headers, plain pages."""

from __future__ import annotations

import json
from html import escape
from http import HTTPStatus
from typing import Any

from tornado.web import HTTPError, RequestHandler

POLICY = (
    "default-src 'none'; style-src 'self'; frame-src 'self'; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'none'"
)

STYLE = """
:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 18%, transparent); }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 88rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.35rem; } .quiet { opacity: .65; }
table { border-collapse: collapse; width: 100%; } th { text-align: left; font-weight: 600; white-space: nowrap; }
th, td { padding: .45rem .6rem; border-bottom: 1px solid var(--line); overflow-wrap: break-word; }
td.amount, th.amount { text-align: right; font-variant-numeric: tabular-nums; }
pre { white-space: pre-wrap; padding: 1rem; border: 1px solid var(--line); border-radius: .5rem; }
iframe { width: 100%; height: 32rem; border: 1px solid var(--line); border-radius: .5rem; background: #fff; }
form { display: flex; gap: .75rem; } a { color: inherit; }
button { font: inherit; padding: .6rem 1.4rem; border-radius: .5rem; border: 1px solid var(--line); cursor: pointer; }
button.yes { background: #14794f; color: #fff; } button.no { background: transparent; color: inherit; }
"""


class Refusal(HTTPError):
    """An error with a status, a code for programs and a sentence for people."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(status)
        self.code = code
        self.message = message

    def body(self) -> dict[str, Any]:
        return {"error": {"code": self.code, "message": self.message}}


class Handler(RequestHandler):
    """A handler that takes JSON and answers JSON or a page."""

    def set_default_headers(self) -> None:
        self.set_header("Content-Security-Policy", POLICY)
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Referrer-Policy", "no-referrer")
        self.set_header("Cache-Control", "no-store")

    def answer(self, body: dict[str, Any], status: int = 200) -> None:
        self.answer_text(json.dumps(body, separators=(",", ":")), status)

    def answer_text(self, body: str, status: int = 200) -> None:
        self.set_status(status)
        self.set_header("Content-Type", "application/json")
        self.finish(body)

    def page(self, title: str, body: str, *, refresh: int | None = None) -> None:
        again = f'<meta http-equiv="refresh" content="{refresh}">' if refresh else ""
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.finish(
            f'<!doctype html><html lang="en"><meta charset="utf-8">{again}'
            f'<meta name="viewport" content="width=device-width"><title>{escape(title)}</title>'
            f'<link rel="stylesheet" href="/style.css"><h1>{escape(title)}</h1>{body}</html>'
        )

    def json(self) -> dict[str, Any]:
        """Return the JSON object of the request. Raises Refusal 415 or 400 for anything else.

        Plain forms are refused, so that no page of another site can post here.
        """
        if self.request.headers.get("Content-Type", "").partition(";")[0].strip() != "application/json":
            raise Refusal(415, "json_required", "Send a JSON object as application/json.")
        try:
            body = json.loads(self.request.body, parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            raise Refusal(400, "invalid_json", "The body is not valid JSON.") from error
        if not isinstance(body, dict):
            raise Refusal(400, "invalid_json", "The body must be a JSON object.")
        return body

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        error = kwargs.get("exc_info", (None, None, None))[1]
        if isinstance(error, Refusal):
            return self.answer(error.body(), error.status_code)
        code = HTTPStatus(status_code).phrase.lower().replace(" ", "_")
        return self.answer({"error": {"code": code, "message": HTTPStatus(status_code).phrase}}, status_code)


class NotFound(Handler):
    def prepare(self) -> None:
        raise Refusal(404, "not_found", "There is nothing here.")


class Health(Handler):
    def get(self) -> None:
        self.answer({"status": "ok"})


class Style(Handler):
    def get(self) -> None:
        self.set_header("Content-Type", "text/css; charset=utf-8")
        self.finish(STYLE)


def table(heads: list[str], rows: list[list[str]]) -> str:
    """Return an HTML table. Cells are taken as HTML, so the caller must escape them."""
    head = "".join(f"<th>{escape(name)}</th>" for name in heads)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


def silent(handler: RequestHandler) -> None:
    """Write no access log: it would cost more than the work, and URLs hold references."""


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")
