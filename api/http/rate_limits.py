"""Rate limits. Hits are counted in Redis, or in this process when there is no Redis or it is away."""

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
    app.after_request(_tell)  # runs after the limiter's own hook
    limiter.init_app(app)


def limit_login(view: Callable[..., Any]) -> Any:
    """Limit logins by address, and failed ones by account from all addresses. Open sessions are not affected."""
    failures: dict[str, Any] = {"key_func": _account, "scope": "account", "deduct_when": _failed}
    by_account = limiter.limit(lambda: settings().account_limit, **failures)
    return by_account(limiter.limit(lambda: settings().login_limit)(view))


def limit_registration(view: Callable[..., Any]) -> Any:
    """Limit new accounts by address."""
    return limiter.limit(lambda: settings().register_limit)(view)


def limit_mail(view: Callable[..., Any]) -> Any:
    """Limit mails by the account in the body and by address, so that no stranger can fill a customer's mailbox."""
    by_account = limiter.limit(lambda: settings().mail_limit, key_func=_account, scope="account")
    return by_account(limiter.limit(lambda: settings().login_limit)(view))


def limit_attempts(view: Callable[..., Any]) -> Any:
    """Limit by address the views that take a secret without an account, such as the token of a link in a mail."""
    return limiter.limit(lambda: settings().login_limit)(view)


def limit_password(view: Callable[..., Any]) -> Any:
    """Limit the views that ask for the current password, so that a stolen access token cannot be used to guess it."""
    failures = limiter.shared_limit(
        lambda: settings().account_limit, scope="password", key_func=_who, deduct_when=_failed
    )
    return failures(limit_attempts(view))


def limit_own_mail(view: Callable[..., Any]) -> Any:
    """Limit the mails that customers have sent to themselves.

    A body with a `token` sends no mail: it counts only as an attempt, by address.
    """
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
    """Return the hash of the e-mail address in the body, as Redis must not hold it; without one, the client."""
    body = request.get_json(silent=True)
    named = body.get("email") if isinstance(body, dict) else None
    return sha256(normal(named).encode()).hexdigest() if isinstance(named, str) else client()


def _too_often(error: RateLimitExceeded) -> Response:
    limit = error.limit.limit if error.limit else None
    return problem(429, "rate_limited", "Too many requests", f"At most {_in_words(limit)}." if limit else "")


def _in_words(limit: RateLimitItem) -> str:
    """Write a limit as text: `20 requests per 15 minutes`."""
    unit, times = limit.GRANULARITY.name, limit.multiples
    many = f"{times} {unit}s" if times > 1 else unit
    return f"{limit.amount} request{'s' if limit.amount != 1 else ''} per {many}"


def _tell(answer: Response) -> Response:
    """Add the `RateLimit-*` headers, and `Retry-After` to an answer that was limited."""
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
