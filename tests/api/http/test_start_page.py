"""Whoever opens the shop's address in a browser finds their way."""

from __future__ import annotations

import re

from flask.testing import FlaskClient

from tests.fixtures import Configure

SECRETS = {"JWT_SECRET": "j" * 40, "BANK_KEY": "k" * 40, "BANK_WEBHOOK_SECRET": "w" * 40}


def links(client: FlaskClient) -> list[str]:
    page = client.get("/")
    assert (page.status_code, page.mimetype) == (200, "text/html")
    assert "script-src" not in page.headers["Content-Security-Policy"]
    return re.findall(r'<a href="([^"]+)"', page.text)


def test_its_own_links_lead_somewhere(client: FlaskClient) -> None:
    own = [link for link in links(client) if link.startswith("/")]
    assert own == ["/api/docs", "/api/openapi.json", "/api/products", "/readyz"]
    assert [client.get(link).status_code for link in own] == [200] * 4


def test_a_copy_for_development_names_what_stands_beside_it(client: FlaskClient, configure: Configure) -> None:
    configure(PORT="9100")
    beside = [link for link in links(client) if not link.startswith("/")]
    assert beside == ["http://127.0.0.1:9104/tasks", "http://127.0.0.1:9101/", "http://127.0.0.1:9102/"]


def test_production_names_nothing_that_is_for_nobody_outside(client: FlaskClient, configure: Configure) -> None:
    configure(ORDERWAVE_ENV="production", PUBLIC_URL="https://shop.example.com", **SECRETS)
    assert [link for link in links(client) if not link.startswith("/")] == []
