"""Refusals of bytes that are no request: a problem document (RFC 9457), as the app would write it."""

from __future__ import annotations

import json
import uuid
from http import HTTPStatus


class Refused(Exception):
    """A refused request, with its HTTP status. It ends the connection: where the next request begins is unknown."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail


def answer_to(refusal: Refused) -> bytes:
    """Return the whole answer as bytes. Its codes are those of the app."""
    title, request_id = HTTPStatus(refusal.status).phrase, str(uuid.uuid4())
    code = "too_large" if refusal.status == 413 else title.lower().replace(" ", "_")
    kind = f"urn:orderwave:problem:{code}"
    problem = {"type": kind, "title": title, "status": refusal.status, "detail": refusal.detail}
    body = json.dumps(problem | {"code": code, "request_id": request_id}).encode()
    head = (
        f"HTTP/1.1 {refusal.status} {title}\r\n"
        f"Content-Type: application/problem+json\r\nContent-Length: {len(body)}\r\n"
        f"X-Request-ID: {request_id}\r\nX-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n"
        "Connection: close\r\n\r\n"
    )
    return head.encode() + body
