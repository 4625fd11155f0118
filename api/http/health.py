"""`/healthz`: this process is alive. `/readyz`: the state of what it depends on, each checked for at most a second."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooSlow
from typing import Any

import redis
import structlog
from flask import Blueprint, Response, jsonify
from sqlalchemy import text

import db
from api.http.rate_limits import limiter
from celery_app import app as celery
from config import settings
from db import pool
from engine import outages
from shop.kernel.times import rfc3339

log = structlog.get_logger(__name__)

SECONDS = 1.0

Answer = str | tuple[str, dict[str, Any]]
"""The state, or the state and further members of the check's body."""

health = Blueprint("health", __name__)
limiter.exempt(health)


@health.get("/healthz")
def alive() -> Response:
    return jsonify(status="ok")


@health.get("/readyz")
def ready() -> tuple[Response, int]:
    """Answer 503 only without the database: orders are accepted while the broker or the cache is away.

    `gateways` is for information: while a gateway is away runs wait for it, and the shop is as ready as ever.
    """
    checks = _looked_at()
    gateways = checks.pop("gateways").get("gateways", {})
    states = {name: check["state"] for name, check in checks.items()}
    if states["database"] != "ok":
        return jsonify(status="unavailable", checks=checks, gateways=gateways), 503
    degraded = any(state not in ("ok", "in process") for state in states.values())
    return jsonify(status="degraded" if degraded else "ok", checks=checks, gateways=gateways), 200


def _database() -> Answer:
    """Check the database; on PostgreSQL with its open connections, their limit, and a warning if ours may not fit."""
    chosen = settings()
    with db.reading() as session:
        if chosen.on_sqlite:
            session.execute(text("SELECT 1"))
            return "ok"
        room = pool.room(session)
    told: dict[str, Any] = {"connections": {"open": room.open, "most": room.most}}
    if chosen.database_processes:
        told["connections"]["may_open"] = chosen.database_processes * chosen.database_connections
        if warning := pool.shortage(chosen.database_processes, chosen.database_connections, room.most):
            told["warning"] = warning
    return "ok", told


def _broker() -> str:
    with celery.connection_for_write(connect_timeout=SECONDS) as connection:
        connection.ensure_connection(max_retries=0, timeout=SECONDS)
    return "ok"


def _cache() -> str:
    url = settings().redis_url
    if not url:
        return "in process"
    with redis.Redis.from_url(url, socket_connect_timeout=SECONDS, socket_timeout=SECONDS) as client:
        client.ping()
    return "ok"


def _gateways() -> Answer:
    """Read from the database which gateways are away; payment provider and mail server are always named."""
    with db.reading() as session:
        found = outages.outages(session)
    away = {
        one.gateway: {
            "state": "misconfigured" if one.misconfigured else "away",
            "since": rfc3339(one.since),
            "code": one.code,
            "waiting": one.waiting,
        }
        for one in found
    }
    return "ok", {"gateways": {name: {"state": "ok"} for name in USUAL} | away}


USUAL = ("payment_provider", "mail_server")
CHECKS: dict[str, Callable[[], Answer]] = {
    "database": _database,
    "broker": _broker,
    "cache": _cache,
    "gateways": _gateways,
}


class _Looker:
    """Runs the checks in its own threads, one for each: while a check hangs it is not started again."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(len(CHECKS), thread_name_prefix="readyz")
        self._looking: dict[str, Future[dict[str, Any]]] = {}

    def look(self) -> dict[str, dict[str, Any]]:
        for name, check in CHECKS.items():
            if name not in self._looking or self._looking[name].done():
                self._looking[name] = self._pool.submit(_timed, name, check)
        until = time.monotonic() + SECONDS
        return {name: _result(self._looking[name], until) for name in CHECKS}


_looker = _Looker()


def _looked_at() -> dict[str, dict[str, Any]]:
    return _looker.look()


def _result(look: Future[dict[str, Any]], until: float) -> dict[str, Any]:
    try:
        return look.result(timeout=max(0.0, until - time.monotonic()))
    except TooSlow:
        return {"state": "timeout"}


def _timed(name: str, check: Callable[[], Answer]) -> dict[str, Any]:
    began, more = time.perf_counter(), dict[str, Any]()
    try:
        answer = check()
        state, more = (answer, more) if isinstance(answer, str) else answer
    except Exception as error:  # whatever it is, it is the answer
        log.warning("not ready", part=name, error=type(error).__name__)
        state = "down"
    return {"state": state, "ms": round((time.perf_counter() - began) * 1000, 1), **more}
