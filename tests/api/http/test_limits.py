"""Too often is 429, with the time to wait; who is in already does not notice."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import pytest
import redis
from flask import Flask

from api import create_app
from api.http import clients
from caching import redis_client
from tests.api.clients import PASSWORD, People, ask, post, problem
from tests.fixtures import Configure, Database
from tests.proxy import Proxy
from tests.services.session import Services

LOGIN = "/api/auth/login"


@pytest.fixture
def limited(database: Database, configure: Configure) -> Flask:
    configure(
        RATE_LIMIT="50 per minute",
        LOGIN_LIMIT="6 per minute",
        ACCOUNT_LIMIT="3 per minute",
        REGISTER_LIMIT="2 per minute",
        MAIL_LIMIT="2 per hour",
    )
    return create_app()


def guess(app: Flask, email: str = "ada.1@example.com", address: str = "10.0.0.1", **headers: str) -> tuple[int, str]:
    client = app.test_client()
    body = {"email": email, "password": "a guess"}
    return problem(client.post(LOGIN, json=body, headers=headers, environ_base={"REMOTE_ADDR": address}))


def test_each_answer_says_how_much_is_left(limited: Flask) -> None:
    first, second = (ask(limited, "GET", "/api/openapi.json") for _ in range(2))
    assert (first.headers["RateLimit-Limit"], first.headers["RateLimit-Remaining"]) == ("50", "49")
    assert second.headers["RateLimit-Remaining"] == "48"
    assert 0 <= int(second.headers["RateLimit-Reset"]) <= 60
    assert "Retry-After" not in second.headers


def test_beyond_the_limit_is_429_with_the_time_to_wait(limited: Flask) -> None:
    for _ in range(50):
        assert ask(limited, "GET", "/api/openapi.json").status_code == 200
    answer = ask(limited, "GET", "/api/openapi.json")
    assert problem(answer) == (429, "rate_limited")
    assert answer.json["detail"] == "At most 50 requests per minute."
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert answer.headers["RateLimit-Remaining"] == "0"
    assert ask(limited, "GET", "/healthz").status_code == 200


def test_nobody_waits_longer_because_the_clock_was_set_back(limited: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    tell = time.time
    for _ in range(3):
        guess(limited)
    assert guess(limited) == (429, "rate_limited")
    monkeypatch.setattr(time, "time", lambda: tell() - 600)
    assert guess(limited) == (401, "invalid_credentials")
    guess(limited)
    guess(limited)
    assert guess(limited) == (429, "rate_limited")


def test_guesses_at_one_account_are_counted_from_wherever_they_come(limited: Flask) -> None:
    for number in range(3):
        assert guess(limited, address=f"10.0.0.{number}") == (401, "invalid_credentials")
    assert guess(limited, address="10.0.0.9") == (429, "rate_limited")
    assert guess(limited, email=" ADA.1@example.com", address="10.0.0.10") == (429, "rate_limited")
    assert guess(limited, email="bob@example.com", address="10.0.0.9") == (401, "invalid_credentials")


def test_guesses_from_one_address_are_counted_at_whatever_account(limited: Flask) -> None:
    for number in range(6):
        assert guess(limited, email=f"{number}@example.com") == (401, "invalid_credentials")
    assert guess(limited, email="another@example.com") == (429, "rate_limited")
    assert guess(limited, email="another@example.com", address="10.0.0.2") == (401, "invalid_credentials")


def test_a_forged_forwarding_header_makes_nobody_somebody_else(limited: Flask) -> None:
    for number in range(6):
        headers = {"X-Forwarded-For": f"1.2.3.{number}", "X-Real-IP": f"1.2.3.{number}", "Forwarded": "for=1.2.3.4"}
        assert guess(limited, email=f"{number}@example.com", **headers) == (401, "invalid_credentials")
    assert guess(limited, email="x@example.com", **{"X-Forwarded-For": "9.9.9.9"}) == (429, "rate_limited")


def test_behind_one_proxy_the_last_address_in_the_header_counts(limited: Flask, configure: Configure) -> None:
    configure(TRUSTED_PROXIES="1")
    app = create_app()
    for number in range(6):
        forwarded = f"1.2.3.{number}, 10.1.1.1"  # the first was written by the client
        assert guess(app, email=f"{number}@example.com", **{"X-Forwarded-For": forwarded})[0] == 401
    assert guess(app, email="x@example.com", **{"X-Forwarded-For": "8.8.8.8, 10.1.1.1"}) == (429, "rate_limited")
    assert guess(app, email="x@example.com", **{"X-Forwarded-For": "10.1.1.2"}) == (401, "invalid_credentials")


def test_a_stranger_cannot_shut_out_who_is_signed_in(limited: Flask) -> None:
    ada = People(limited).join()
    for _ in range(5):
        guess(limited, email=ada.email)
    assert guess(limited, email=ada.email) == (429, "rate_limited")
    assert ada.get("/api/users/me").status_code == 200
    assert post(limited, "/api/auth/refresh", {"refresh_token": ada.refresh}).status_code == 200
    body = {"current_password": PASSWORD, "new_password": "another password"}
    assert ada.post("/api/auth/password", body).status_code == 200


def test_a_stolen_token_is_no_way_to_guess_the_password(limited: Flask) -> None:
    ada = People(limited).join()
    new, wrong = "another password", {"current_password": "a guess"}
    tries = [
        ada.ask("PATCH", "/api/users/me", {"email": "eve@example.com"} | wrong),
        ada.post("/api/auth/password", {"new_password": new} | wrong),
        ada.ask("PATCH", "/api/users/me", {"email": "eve@example.com"} | wrong),
        ada.ask("PATCH", "/api/users/me", {"email": "eve@example.com", "current_password": PASSWORD}),
        ada.post("/api/auth/password", {"new_password": new, "current_password": PASSWORD}),
    ]
    assert [answer.status_code for answer in tries] == [403, 401, 403, 429, 429]
    assert ada.get("/api/users/me").json["email"] == ada.email
    assert ada.sign_in().get("/api/users/me").status_code == 200


def test_registrations_are_limited_harder(limited: Flask) -> None:
    def register(number: int) -> int:
        body = {"email": f"{number}@example.com", "password": PASSWORD, "name": "Ada"}
        return post(limited, "/api/users", body).status_code

    assert [register(number) for number in range(3)] == [201, 201, 429]


def test_nobodys_mailbox_is_filled_by_strangers(limited: Flask) -> None:
    asked = [post(limited, "/api/auth/password-reset", {"email": "ada@example.com"}).status_code for _ in range(3)]
    assert asked == [202, 202, 429]


def test_limits_are_counted_together_in_redis(
    limited: Flask, configure: Configure, services: Services, database: Database
) -> None:
    configure(REDIS_URL=services.redis.url)
    who = f"{database.kind}@example.com", f"at {database.kind}"  # the database of Redis is not emptied in between
    one = create_app()
    assert [guess(one, *who)[0] for _ in range(2)] == [401, 401]
    another = create_app()
    assert [guess(another, *who)[0] for _ in range(2)] == [401, 429]


def test_what_is_told_of_a_limit_costs_no_second_question(
    limited: Flask, configure: Configure, services: Services, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(REDIS_URL=services.redis.url, RATE_LIMIT="2 per minute")
    client, who = create_app().test_client(), {"REMOTE_ADDR": f"told to {database.kind}"}
    asked: list[str] = []
    execute = redis.Redis.execute_command

    def listen(self: redis.Redis, name: str, *args: Any) -> Any:
        asked.append(name)
        return execute(self, name, *args)

    monkeypatch.setattr(redis.Redis, "execute_command", listen)
    answers = [client.get("/api/openapi.json", environ_base=who) for _ in range(3)]
    told = [(answer.status_code, answer.headers["RateLimit-Remaining"]) for answer in answers]
    assert told == [(200, "1"), (200, "0"), (429, "0")]
    assert all(55 <= int(answer.headers["RateLimit-Reset"]) <= 60 for answer in answers)
    assert [name for name in asked if name not in ("EVALSHA", "SCRIPT LOAD")] == []
    assert asked.count("EVALSHA") == 3 + asked.count("SCRIPT LOAD")


def test_without_its_redis_the_shop_goes_on_counting_by_itself(limited: Flask, configure: Configure) -> None:
    configure(REDIS_URL="redis://127.0.0.1:1/0")
    app = create_app()
    assert [guess(app)[0] for _ in range(4)] == [401, 401, 401, 429]


def test_a_redis_that_falls_silent_fails_nobodys_request_and_is_used_again_when_it_speaks(
    limited: Flask, configure: Configure, services: Services, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_client, "AWAY_SECONDS", 0.1)
    where = urlsplit(services.redis.url)
    with Proxy(where.hostname or "", where.port or 6379) as proxy, ThreadPoolExecutor(8) as hands:
        url = f"redis://127.0.0.1:{proxy.port}{where.path}"
        configure(REDIS_URL=url, RATE_LIMIT="50 per hour")
        app, who = create_app(), {"REMOTE_ADDR": f"silence on {database.kind}"}

        def left(_: int = 0) -> tuple[int, str]:
            answer = app.test_client().get("/api/openapi.json", environ_base=who)
            return answer.status_code, answer.headers["RateLimit-Remaining"]

        have_patience(url, 60)
        assert min(hands.map(left, range(16))) == (200, "34")
        have_patience(url, 0.2)
        proxy.mode("swallow")
        answers = list(hands.map(left, range(8)))
        assert (min(answers), {status for status, _ in answers}) == ((200, "42"), {200}), "counted in this process"
        have_patience(url, 60)
        proxy.mode("reset")
        proxy.mode("pass")
        time.sleep(0.2)
        assert left() == (200, "33"), "counted in Redis again"


def have_patience(url: str, seconds: float) -> None:
    """So that on a busy machine a Redis that speaks is never taken for one that is silent."""
    pool = redis_client.shared_redis(url).client.connection_pool
    pool.connection_kwargs.update(socket_timeout=seconds, socket_connect_timeout=seconds)
    pool.disconnect()
    pool.reset()  # the next connections are made anew: those it has keep what they were told


def test_logging_in_well_again_and_again_locks_nobody_out(limited: Flask) -> None:
    ada = People(limited).join()
    body = {"email": ada.email, "password": PASSWORD}
    answers = [ask(limited, "POST", LOGIN, body) for _ in range(5)]  # three failures would have been too many
    assert [answer.status_code for answer in answers] == [200] * 5


# --- who a request comes from -----------------------------------------------------------------------


def test_the_addresses_of_one_subnet_are_one_client(limited: Flask) -> None:
    for number in range(6):
        guessed = guess(limited, email=f"{number}@example.com", address=f"2001:db8:1:2:{number}::{number + 1}")
        assert guessed == (401, "invalid_credentials")
    one_more = [guess(limited, email="x@example.com", address=at) for at in ("2001:db8:1:2:ffff::1", "2001:db8:1:3::1")]
    assert one_more == [(429, "rate_limited"), (401, "invalid_credentials")]


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:0DB8:1:2::", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        ("", ""),
        ("a socket", "a socket"),
    ],
)
def test_an_address_is_counted_by_what_one_customer_has(address: str, counted: str) -> None:
    assert clients.counted_as(address) == counted
