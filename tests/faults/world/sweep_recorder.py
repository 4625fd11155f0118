"""Record in every process that sweeps (EXTRA_TASK_MODULES) which runs its sweeps send, and when."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from config import settings
from engine import sweep
from engine.dispatch import Parcel, send_all
from engine.limits import WAVE

MODULE = __name__


class Sent(NamedTuple):
    """A run that a sweep has sent: its step and direction, the time, and the pid of the sweeping process."""

    run: str
    step: int
    direction: str
    at: float
    pid: int


def noted(state_dir: Path) -> list[Sent]:
    """Return what the sweeps of all processes have sent, oldest first."""
    book = state_dir / "sweeps.jsonl"
    lines = book.read_text().splitlines() if book.exists() else []
    return sorted((Sent(*json.loads(line)) for line in lines), key=lambda sent: sent.at)


def _send_and_note(parcels: Iterable[Parcel], wave: int = WAVE) -> int:
    parcels = list(parcels)
    lines = [Sent(id, place.step, place.direction, time.time(), os.getpid()) for place, id in parcels]
    with (settings().state_dir / "sweeps.jsonl").open("a") as book:  # O_APPEND: lines of several processes do not mix
        book.write("".join(json.dumps(line) + "\n" for line in lines))
    return send_all(parcels, wave)


if MODULE in settings().task_modules:  # not where the drill itself reads
    sweep.send_all = _send_and_note  # type: ignore[attr-defined]
