"""Choose the drills to run: a sample with all other tests, all with `--drill=full`."""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).parent


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--drill",
        choices=("sample", "full"),
        default="sample",
        help="of tests/faults: those marked `sample`, or all of them",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the drills that are not in the sample; they are not skipped, for nothing is missing.

    With `-k` and without `--drill=full` all are deselected.
    """
    if config.getoption("drill") == "full":
        return
    searched = bool(config.getoption("keyword"))  # `-k stock` is about the shop: no drill starts for it
    left_out = [item for item in items if HERE in item.path.parents and (searched or not _in_sample(item))]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


def _in_sample(item: pytest.Item) -> bool:
    """Say whether the test is marked `sample`; `sample("services")` counts only with a parameter of that value."""
    return any(not mark.args or set(mark.args) & _parameters(item) for mark in item.iter_markers("sample"))


def _parameters(item: pytest.Item) -> set[object]:
    callspec = getattr(item, "callspec", None)
    return set(map(str, callspec.params.values())) if callspec else set()
