"""Run the commands of views: once for each Idempotency-Key, in one transaction with the stored answer."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from flask import Response, current_app, request
from sqlalchemy.orm import Session

import db
from api.http import security
from api.http.fast_bodies import job_body
from engine import jobs
from shop.kernel import idempotency, keys
from shop.kernel.errors import Invalid
from shop.kernel.idempotency import Answered, Asked
from shop.kernel.keys import Purpose

Answer = tuple[Any, int, Mapping[str, str]]
Work = Callable[[Session], Answer]


def run_command(work: Work, *, guest: str | None = None, secret: bool = False) -> Response:
    """Run `work(session) -> (body, status, headers)` in a transaction and answer with what it returns.

    With an Idempotency-Key the command takes effect once; the same request again gets the first answer again.
    Raises Invalid for a malformed key and KeyReused when the key came with another request.
    guest: the token that identifies a caller without an account.
    secret: the answer holds a secret, so that it is not repeated to a caller known by address alone: without an
    access token and a guest token the key is ignored.
    """
    asked = None if secret and _nobody_known(guest) else keyed(guest)
    if asked is None:
        with db.transaction() as session:
            return respond(answered(*work(session)))
    return respond(db.in_transaction(lambda session: _once(session, work, asked)))


def keyed(guest: str | None) -> Asked | None:
    """Return the scope, key and fingerprint of this request; None without an Idempotency-Key.

    Raises Invalid for a key that is not 1 to 255 visible ASCII characters.
    """
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not re.fullmatch(r"[!-~]{1,255}", key):
        raise Invalid({"Idempotency-Key": ["Must be 1 to 255 visible ASCII characters."]})
    current, *older = _fingerprints()
    return Asked(_scope(guest), key, current, tuple(older))


def accepted(session: Session, run_id: str, **noun: Any) -> Answer:
    """Return the 202 of a started run with its job: `accepted(session, run.id, order=OrderSchema().dump(order))`."""
    job = jobs.get(session, run_id)
    assert job is not None, "it was just started, or found"
    return {"job": job_body(job), **noun}, 202, {"Location": f"/api/jobs/{run_id}", "Retry-After": "1"}


def answered(body: Any, status: int, headers: Mapping[str, str]) -> Answered:
    """Return the answer in the form in which it is stored, its body as JSON text."""
    return Answered(status, current_app.json.dumps(body), dict(headers))


def replayed(earlier: Answered) -> Answered:
    """Mark a stored answer as given again."""
    return earlier._replace(headers={**earlier.headers, "Idempotency-Replayed": "true"})


def respond(said: Answered) -> Response:
    """Make the HTTP response of a stored answer; a 204 has no body."""
    answer = Response("" if said.status == 204 else said.body, said.status, mimetype="application/json")
    answer.headers.update(said.headers)
    return answer


def _once(session: Session, work: Work, asked: Asked) -> Answered:
    earlier = idempotency.acquire_key(session, asked)
    if earlier:
        return replayed(earlier)
    said = answered(*work(session))
    idempotency.remember(session, {asked: said})
    return said


def _nobody_known(guest: str | None) -> bool:
    return not (security.claim() or guest)


def _scope(guest: str | None) -> str:
    claim = security.claim()
    if claim:
        return f"user:{claim.user}"
    if guest:
        return f"guest:{hashlib.sha256(guest.encode()).hexdigest()}"
    return f"address:{request.remote_addr}"


def _fingerprints() -> list[str]:
    """Hash method, path, query and body, with the current key first and those before it.

    Keyed, because a body may hold a password that a plain hash would betray.
    """
    parts = [request.method.encode(), request.path.encode(), request.query_string, _canonical(request.get_data())]
    return [hmac.new(key, b"\0".join(parts), hashlib.sha256).hexdigest() for key in keys.accepted(Purpose.REQUEST)]


def _canonical(body: bytes) -> bytes:
    """Return JSON with sorted keys and uniform spaces, so that equal documents have one fingerprint."""
    try:
        return json.dumps(json.loads(body), sort_keys=True).encode()
    except (ValueError, RecursionError):
        return body
