"""A page of another site may call the API if it is named, and only then."""

from __future__ import annotations

import os

import pytest
from flask import Flask

import config
from api import create_app
from config import checks
from tests.api.clients import ask, problem
from tests.fixtures import Configure

SHOP, EVIL = "https://shop.example.com", "https://evil.example.com"
PREFLIGHT = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization, idempotency-key",
}

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


def allowed(
    app: Flask, origin: str, method: str = "GET", path: str = "/api/payments/methods", **more: str
) -> str | None:
    return ask(app, method, path, headers={"Origin": origin, **more}).headers.get("Access-Control-Allow-Origin")


def test_nobody_is_allowed_unless_it_is_said(app: Flask) -> None:
    assert allowed(app, SHOP) is None
    assert allowed(app, SHOP, "OPTIONS", "/api/orders", **PREFLIGHT) is None


def test_a_site_that_is_named_may_call_and_another_not(app: Flask, configure: Configure) -> None:
    configure(CORS_ORIGINS=f"{SHOP},https://www.example.com")
    open_app = create_app()
    assert allowed(open_app, SHOP) == SHOP
    for stranger in (EVIL, "http://shop.example.com", f"{SHOP}.evil.com", "https://shopXexample.com", "null"):
        assert allowed(open_app, stranger) is None, stranger
    assert allowed(open_app, SHOP, path="/healthz") is None
    assert ask(open_app, "GET", "/api/products", headers={"Origin": SHOP}).headers["Vary"] == "Origin"


def test_its_preflight_is_told_what_it_may_send_and_read(app: Flask, configure: Configure) -> None:
    configure(CORS_ORIGINS=SHOP)
    open_app = create_app()
    told = ask(open_app, "OPTIONS", "/api/orders", headers={"Origin": SHOP, **PREFLIGHT})
    assert told.headers["Access-Control-Allow-Origin"] == SHOP
    assert told.headers["Access-Control-Allow-Headers"].lower() == PREFLIGHT["Access-Control-Request-Headers"]
    assert told.headers["Access-Control-Max-Age"] == "600"
    assert "Access-Control-Allow-Credentials" not in told.headers
    refused = ask(open_app, "POST", "/api/orders", {}, {"Origin": SHOP})
    assert problem(refused) == (422, "validation_failed")
    assert refused.headers["Access-Control-Allow-Origin"] == SHOP, "a page can read why it was refused"
    assert "Retry-After" in refused.headers["Access-Control-Expose-Headers"]


@pytest.mark.parametrize(
    "bad", ["shop.example.com", "https://*.example.com", "https://shop.example.com/", "null", ".*"]
)
def test_what_is_no_origin_stops_the_start(bad: str, monkeypatch: pytest.MonkeyPatch, database: object) -> None:
    monkeypatch.setitem(os.environ, "CORS_ORIGINS", bad)
    with pytest.raises(checks.InsecureSetting, match="is no origin"):
        config.load()
