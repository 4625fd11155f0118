"""The floors hold, and the checker would notice if they did not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.architecture import DOMAINS, LONGEST, MOST_FILES, circles, violations

ROOT = Path(__file__).parent.parent


def test_every_room_uses_only_what_lies_below_it() -> None:
    assert violations(ROOT) == []


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("shop/cart.py", "import tasks.stock", "shop uses tasks, which is not below it"),
        ("engine/run.py", "from gateways import mail", "engine uses gateways, which is not below it"),
        ("engine/run.py", "from shop.orders import pay", "engine uses shop: the engine knows no shop"),
        (
            "api/orders.py",
            "from tasks import stock",
            "api uses tasks: the door starts workflows, it does no steps",
        ),
        (
            "api/orders.py",
            "import gateways.mail",
            "api uses gateways: only what the provider calls may know the provider",
        ),
        ("tasks/stock.py", "from flask import g", "flask outside of api/"),
        ("tasks/stock.py", "import flask_limiter", "flask outside of api/"),
        ("shop/orders.py", "session.commit()", "a commit outside of db/__init__.py"),
        ("litebroker/channel.py", "import config", "litebroker uses nothing of ours, so not config"),
        ("tasks/pay.py", "import sandbox.bank", "tasks uses sandbox: the sandboxes are the outside world"),
        ("api/app.py", "from deploy import up", "api uses deploy, which is not below it"),
        ("attic/box.py", "", "attic has no floor"),
        (
            "shop/stock/lot.py",
            "from shop.orders import orders",
            "shop/stock uses shop/orders, which its border does not",
        ),
        ("shop/stock/lot.py", "if TYPE_CHECKING:\n    import shop.orders.tables", "shop/stock uses shop/orders"),
        ("api/carts/carts.py", "from api.orders import guests", "api/carts uses api/orders"),
        ("shop/attic/box.py", "", "shop/attic has no borders"),
    ],
)
def test_a_breach_is_seen(tmp_path: Path, path: str, text: str, expected: str) -> None:
    assert expected in "\n".join(violations(house(tmp_path, path, text)))


def test_an_import_hidden_in_a_function_is_seen(tmp_path: Path) -> None:
    found = violations(house(tmp_path, "tasks/stock.py", "def reserve():\n    import shop.stock\n"))
    assert found == ["tasks/stock.py:2: an import of ours inside a function"]


def test_a_file_that_grew_too_long_is_seen(tmp_path: Path) -> None:
    found = violations(house(tmp_path, "shop/orders.py", "x = 1\n" * (LONGEST + 1)))
    assert found == [f"shop/orders.py:{LONGEST + 1}: longer than {LONGEST} lines"]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("tasks/stock.py", "import json, shop.stock\nfrom engine import local_step"),
        ("api/payments/provider_events.py", "from gateways.payments import payments"),
        ("api/app.py", "from flask import Flask\nfrom workflows import place_order"),
        ("shop/orders/lines.py", "from shop.kernel import money\nfrom shop.stock import ledger\nfrom . import history"),
        ("db/__init__.py", "session.commit()"),
        ("sandbox/store.py", "connection.commit()"),
        ("deploy/up.py", "import api.wsgi, demo.seed"),
        ("tests/sandboxes.py", "session.commit()"),
    ],
)
def test_what_is_allowed_is_not_complained_about(tmp_path: Path, path: str, text: str) -> None:
    assert violations(house(tmp_path, path, text)) == []


def test_a_circle_of_domains_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DOMAINS, "accounts", "orders")
    assert "shop/accounts uses itself in a circle" in circles()


def test_a_crowded_folder_is_seen(tmp_path: Path) -> None:
    for n in range(MOST_FILES + 1):
        house(tmp_path, f"shop/stock/f{n}.py", "")
    assert violations(tmp_path) == ["shop/stock: 26 files, at most 25 in a folder"]


def house(root: Path, path: str, text: str) -> Path:
    """A made-up tree with one file in it."""
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return root
