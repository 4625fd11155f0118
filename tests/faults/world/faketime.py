"""Processes whose clock goes wrong (libfaketime; Debian: `faketime`)."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.stack import Handle

SLEEPERS = Path(__file__).parent / "sleepers"
LIBRARIES = "usr/lib/*/faketime/libfaketimeMT.so.1"


def wrong_by(seconds: int) -> dict[str, str]:
    """The environment of a process whose clock is ahead by so much, or behind. How long things take it still knows."""
    monotonic = dict.fromkeys(("DONT_FAKE_MONOTONIC", "FAKETIME_DONT_FAKE_MONOTONIC"), "1")
    return {"LD_PRELOAD": _library(), "FAKETIME": f"{seconds:+d}s", "PYTHONPATH": str(SLEEPERS), **monotonic}


def is_wrong_by(worker: Handle) -> float:
    """Seconds, as its log tells: the last line it wrote is not old."""
    said = json.loads(worker.tail(1))["timestamp"]
    return (datetime.fromisoformat(said) - datetime.now(UTC)).total_seconds()


def _library() -> str:
    """Without it the drill is skipped, loudly (in CI: fails)."""
    found = sorted(map(str, Path("/").glob(LIBRARIES)))
    if not found:
        skip = pytest.fail if os.environ.get("CI") else pytest.skip
        skip("NOT TESTED: no libfaketime here")
    return found[0]
