"""Whatever file a page names is there, under that name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("docs/decisions/*.md")]
NAMED = re.compile(r"`([a-z_]+(?:/[a-z0-9_-]+)+\.[a-z]+)(?:::\w+)?`")
LINKED = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")
PAST = {"CHANGELOG.md"}
"""Pages that tell what was."""


WRITTEN = {
    "how-to-add-a-domain.md": {
        "shop/favourites/__init__.py",
        "shop/favourites/favourites.py",
        "tests/shop/test_favourites.py",
    },
    "how-to-add-a-notification.md": {
        "letters/templates/credit_granted.html",
        "letters/templates/credit_granted.txt",
        "shop/notices/wallets.py",
    },
    "how-to-add-a-payment-provider.md": {"gateways/payments/acme.py"},
    "how-to-add-a-step.md": {"shop/wrapping/wrapping.py", "tasks/wrapping.py"},
    "how-to-add-a-workflow.md": {"shop/stock/emptying.py", "workflows/empty_location.py"},
    "how-to-add-an-endpoint.md": {"api/stock/demand.py", "tests/api/stock/test_demand.py"},
}
"""By page: files that are not there, because they are what one writes by it."""


def _is_there(name: str) -> bool:
    """The pages about attacks and drills leave `tests/` out."""
    return (ROOT / name).exists() or (ROOT / "tests" / name).exists()


def _pages() -> list[Path]:
    return [page for page in PAGES if page.name not in PAST]


@pytest.mark.parametrize("page", _pages(), ids=lambda page: page.name)
def test_every_file_that_a_page_names_is_there(page: Path) -> None:
    named = set(NAMED.findall(page.read_text()))
    assert {name for name in named if not _is_there(name)} == WRITTEN.get(page.name, set())


@pytest.mark.parametrize("page", _pages(), ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    links = set(LINKED.findall(page.read_text()))
    assert sorted(link for link in links if not (page.parent / link).exists()) == []


def test_a_wrong_name_would_be_seen() -> None:
    assert NAMED.findall("see `shop/orders/nowhere.py` and `api/x/y.py::test_it`") == [
        "shop/orders/nowhere.py",
        "api/x/y.py",
    ]
    assert LINKED.findall("[a](docs/x.md#y), [b](https://example.com)") == ["docs/x.md"]
