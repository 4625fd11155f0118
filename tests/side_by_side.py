"""Which tests go to the same process of pytest-xdist: those of a file, and of its drills those on the same pair.

They share a running copy of the shop, which takes long to start, and no two files share one.
"""

from __future__ import annotations

from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

from tests.stack.fixtures import PAIRS


class SideBySide(LoadFileScheduling):  # type: ignore[misc] # xdist has no types
    def _split_scope(self, nodeid: str) -> str:
        file, _, name = nodeid.partition("::")
        return " ".join([file, *(pair for pair in PAIRS if pair in name.partition("[")[2])])


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> SideBySide:
    return SideBySide(config, log)
