"""Write the table of `docs/performance.md` from `results.json`: `python -m benchmarks.figures`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks.report import load

FILE = Path(__file__).parent.parent / "docs" / "performance.md"
BEGIN, END = "<!-- figures: written by `make bench` -->\n", "<!-- end of the figures -->\n"
HEAD = "| measure | ours | peer | peer's | ratio | wanted | |\n|---|---|---|---|---|---|---|\n"

Entry = dict[str, Any]


def write(entries: Iterable[Entry], file: Path = FILE) -> None:
    """Replace the table between the two marks; the rest of the page is written by hand."""
    before, _, rest = file.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    file.write_text(before + BEGIN + table(list(entries)) + END + after)


def table(entries: list[Entry]) -> str:
    """Return the table in Markdown, the rows with a target first."""
    rows = sorted(entries, key=lambda entry: (entry["target"] is None, entry["measure"]))
    return HEAD + "".join(_line(entry) for entry in rows) + "\n" + _machine(entries)


def _line(entry: Entry) -> str:
    wanted, ratio = entry["target"], entry["ratio"]
    verdict = "" if wanted is None else "reached" if (ratio or 0) >= wanted else "**missed**"
    figures = (entry["measure"], _number(entry["ours"]), entry["peer"], _number(entry["peer_value"]))
    return f"| {' | '.join((*figures, _number(ratio, '.2f'), _number(wanted, 'g'), verdict))} |\n"


def _number(value: float | None, form: str = ",.0f") -> str:
    return "" if value is None else f"{value:{form}}"


def _machine(entries: list[Entry]) -> str:
    """Name every machine and set of versions that a figure was taken on."""
    taken = {f"{entry['machine']}; {', '.join(f'{n} {v}' for n, v in entry['versions'].items())}" for entry in entries}
    return "".join(f"Taken on {where}.\n\n" for where in sorted(taken))


if __name__ == "__main__":
    write(load())
