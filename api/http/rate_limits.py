"""How often is too often. Counted in Redis, or in this process when there is none or it is away."""

from __future__ import annotations

import time
from collections.abc import Callable
from hashlib import sha256
from typing import Any

from flask import Flask, Response, request
from flask_limiter import ApplicationLimit, Limiter, RateLimitExceeded
from limits import RateLimitItem

from api.http import fixed_window
from api.http.clients import client
from api.http.problems import problem
from api.http.security import visitor
from caching.redis_client import shared_redis
from config import settings
from shop.accounts.users import normal

limiter = Limiter(
    key_func=client,
    application_limits=[ApplicationLimit(lambda: settings().rate_limit)],
    strategy=fixed_window.NAME,
)


def init_app(app: Flask) -> None:
    app.config.update(
        RATELIMIT_STORAGE_URI=settings().redis_url or "memory://",
        RATELIMIT_STORAGE_OPTIONS=_shared(settings().redis_url),
        RATELIMIT_KEY_PREFIX=settings().queue_prefix,
    )
    app.register_error_handler(RateLimitExceeded, _too_often)
    app.after_request(_tell)  # runs after the limiter has had its say
    limiter.init_app(app)


def limit_login(view: Callable[..., Any]) -> Any:
    """By address, and failures by account from wherever. A session that is open notices nothing of either."""
    failures: dict[str, Any] = {"key_func": _account, "scope": "account", "deduct_when": _failed}
    by_account = limiter.limit(lambda: settings().account_limit, **failures)
    return by_account(limiter.limit(lambda: settings().login_limit)(view))


def limit_registration(view: Callable[..., Any]) -> Any:
    return limiter.limit(lambda: settings().register_limit)(view)


def limit_mail(view: Callable[..., Any]) -> Any:
    """So that nobody's mailbox is filled by a stranger."""
    by_account = limiter.limit(lambda: settings().mail_limit, key_func=_account, scope="account")
    return by_account(limiter.limit(lambda: settings().login_limit)(view))


def limit_attempts(view: Callable[..., Any]) -> Any:
    """For what guesses a secret without naming an account: links from mails."""
    return limiter.limit(lambda: settings().login_limit)(view)


def limit_password(view: Callable[..., Any]) -> Any:
    """Where the current password is asked for: whoever has stolen a token must not try all there are with it."""
    failures = limiter.shared_limit(
        lambda: settings().account_limit, scope="password", key_func=_who, deduct_when=_failed
    )
    return failures(limit_attempts(view))


def limit_own_mail(view: Callable[..., Any]) -> Any:
    """Mails to oneself; with a token it is an attempt, which costs nobody a mail."""
    own = limiter.limit(lambda: settings().mail_limit, key_func=_who, scope="own", exempt_when=_has_token)
    return own(limit_attempts(view))


def _failed(answer: Response) -> bool:
    return answer.status_code in (401, 403)


def _who() -> str:
    holder = visitor()
    return holder.id if holder else client()


def _has_token() -> bool:
    body = request.get_json(silent=True)
    return isinstance(body, dict) and "token" in body


def _account() -> str:
    """The account named in the body, so that it cannot be read in Redis."""
    body = request.get_json(silent=True)
    named = body.get("email") if isinstance(body, dict) else None
    return sha256(normal(named).encode()).hexdigest() if isinstance(named, str) else client()


def _too_often(error: RateLimitExceeded) -> Response:
    limit = error.limit.limit if error.limit else None
    return problem(429, "rate_limited", "Too many requests", f"At most {_in_words(limit)}." if limit else "")


def _in_words(limit: RateLimitItem) -> str:
    """`20 requests per 15 minutes`."""
    unit, times = limit.GRANULARITY.name, limit.multiples
    many = f"{times} {unit}s" if times > 1 else unit
    return f"{limit.amount} request{'s' if limit.amount != 1 else ''} per {many}"


def _tell(answer: Response) -> Response:
    """`RateLimit-*` always, `Retry-After` only where somebody was limited."""
    limit = limiter.current_limit
    if limit:
        seconds = max(0, int(limit.reset_at - time.time()))
        answer.headers["RateLimit-Limit"] = str(limit.limit.amount)
        answer.headers["RateLimit-Remaining"] = str(limit.remaining)
        answer.headers["RateLimit-Reset"] = str(seconds)
        if limit.breached:
            answer.headers["Retry-After"] = str(max(1, seconds))
    return answer


def _shared(url: str | None) -> dict[str, Any]:
    return {"connection_pool": shared_redis(url).client.connection_pool} if url else {}
