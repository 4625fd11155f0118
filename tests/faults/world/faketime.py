"""Processes with a wrong clock (libfaketime; Debian: `faketime`)."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.stack import Handle

SLEEPERS = Path(__file__).parent / "sleepers"
LIBRARIES = "usr/lib/*/faketime/libfaketimeMT.so.1"
NOTICED = 2.0  # seconds


def wrong_by(seconds: int) -> dict[str, str]:
    """Return the environment of a process whose clock is ahead by `seconds`, or behind; its monotonic one is right."""
    return _preloaded() | {"FAKETIME": f"{seconds:+d}s"}


class Clock:
    """The clock of all processes that are started with `environment`. It can be set while they run."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.environment = _preloaded() | {"FAKETIME_TIMESTAMP_FILE": str(file), "FAKETIME_CACHE_DURATION": "1"}
        self.set(0)

    def set(self, seconds: int) -> None:
        """Set the clock ahead by `seconds`, or behind. All processes have it within NOTICED seconds."""
        fresh = self._file.with_suffix(".new")
        fresh.write_text(f"{seconds:+d}s\n")
        fresh.replace(self._file)


def is_wrong_by(worker: Handle) -> float:
    """Return by how many seconds a worker's clock is ahead, from the last line of its log, which must be fresh."""
    said = json.loads(worker.tail(1))["timestamp"]
    return (datetime.fromisoformat(said) - datetime.now(UTC)).total_seconds()


def _preloaded() -> dict[str, str]:
    monotonic = dict.fromkeys(("DONT_FAKE_MONOTONIC", "FAKETIME_DONT_FAKE_MONOTONIC"), "1")
    return {"LD_PRELOAD": _library(), "PYTHONPATH": str(SLEEPERS), **monotonic}


def is_here() -> bool:
    return bool(_libraries())


def _library() -> str:
    """Return the path of libfaketime; without it the drill is skipped with a reason, or fails in CI."""
    if not is_here():
        skip = pytest.fail if os.environ.get("CI") else pytest.skip
        skip("NOT TESTED: no libfaketime here")
    return _libraries()[0]


def _libraries() -> list[str]:
    return sorted(map(str, Path("/").glob(LIBRARIES)))
