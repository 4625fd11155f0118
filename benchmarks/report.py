"""The results of a measure: rows for `results.json`, and the same on the terminal."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

FILE = Path(__file__).parent / "results.json"
PACKAGES = ("celery", "kombu", "sqlalchemy", "psycopg", "flask", "httptools", "dbos")


@dataclass(frozen=True)
class Row:
    """One figure of ours and a peer's. A higher `ratio` is always better; `target` None: for information only."""

    measure: str
    ours: float
    peer: str
    peer_value: float | None
    target: float | None = None
    less_is_better: bool = False

    @property
    def ratio(self) -> float | None:
        if not self.peer_value:
            return None
        return round(self.peer_value / self.ours if self.less_is_better else self.ours / self.peer_value, 3)

    def __str__(self) -> str:
        beside = "" if self.peer_value is None else f"   {self.peer}: {self.peer_value:.1f}"
        ratio = "" if self.ratio is None else f"   ratio {self.ratio:.2f}"
        reached = "" if self.target is None else f" of {self.target} wanted: {self.verdict}"
        return f"{self.measure}: {self.ours:.1f}{beside}{ratio}{reached}"

    @property
    def verdict(self) -> str:
        return "reached" if (self.ratio or 0) >= (self.target or 0) else "MISSED"


@dataclass(eq=False)
class Page:
    """The output of one measure: its rows, and the caveats that belong to them."""

    title: str
    caveats: tuple[str, ...]
    rows: list[Row] = field(default_factory=list)

    def row(self, row: Row) -> None:
        self.rows.append(row)

    def say(self, line: object) -> None:
        print(f"  {line}", flush=True)

    def end(self) -> None:
        for row in self.rows:
            print(f"  => {row}")
        for caveat in self.caveats:
            print(f"  caveat: {caveat}")


def save(rows: Iterable[Row], services: dict[str, str], file: Path = FILE) -> None:
    """Store the rows in `results.json`; they replace rows of the same measures, the others stay."""
    fresh = [_entry(row, services) for row in rows]
    measured = {entry["measure"] for entry in fresh}
    kept = [entry for entry in load(file) if entry["measure"] not in measured]
    file.write_text(json.dumps(sorted(kept + fresh, key=lambda entry: str(entry["measure"])), indent=1) + "\n")


def load(file: Path = FILE) -> list[dict[str, object]]:
    entries: list[dict[str, object]] = json.loads(file.read_text()) if file.exists() else []
    return entries


def machine() -> str:
    return f"{platform.machine()}, {os.cpu_count()} cores, {_gigabytes()} GiB, {platform.system()}"


def versions() -> dict[str, str]:
    return {"python": platform.python_version(), **{name: _version(name) for name in PACKAGES}}


def _entry(row: Row, services: dict[str, str]) -> dict[str, object]:
    values = asdict(row)
    del values["less_is_better"]
    figures = {name: round(value, 2) for name, value in values.items() if isinstance(value, float)}
    rest = {"ratio": row.ratio, "target": row.target, "machine": machine(), "versions": versions() | services}
    return values | figures | rest


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _gigabytes() -> int:
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)
