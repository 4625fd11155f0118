"""Draw `results.json` as SVG, every ratio with its target: `python -m benchmarks.plots`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("svg")

from matplotlib import pyplot

from benchmarks.report import load

FOLDER = Path(__file__).parent.parent / "docs" / "plots"
SAME_EVERY_TIME = {"svg.hashsalt": "orderwave", "svg.fonttype": "none", "font.size": 9}
REACHED, MISSED, UNASKED = "#2a7f62", "#c8553d", "#8d99ae"

Entry = dict[str, Any]


def draw(entries: Sequence[Entry], folder: Path = FOLDER) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    shown = [entry for entry in entries if entry["ratio"]]
    _bars([entry for entry in shown if entry["target"]], "What was asked for", folder / "targets.svg")
    _bars([entry for entry in shown if not entry["target"]], "Beside the other peers", folder / "others.svg")


def _bars(entries: Sequence[Entry], title: str, file: Path) -> None:
    if not entries:
        return
    with pyplot.rc_context(SAME_EVERY_TIME):
        figure, axes = pyplot.subplots(figsize=(9, 0.8 + 0.42 * len(entries)), layout="constrained")
        places = range(len(entries), 0, -1)
        bars = axes.barh(places, [entry["ratio"] for entry in entries], color=[_colour(entry) for entry in entries])
        axes.bar_label(bars, fmt="%.2f", padding=3)
        for place, entry in zip(places, entries, strict=True):
            if entry["target"]:
                axes.plot([entry["target"]] * 2, [place - 0.45, place + 0.45], color="black")
        axes.set_yticks(places, [f"{entry['measure']}\nbeside {entry['peer']}" for entry in entries], fontsize=7)
        axes.set(xscale="log", xlabel="ours / peer, more is better; black: the target", title=title)
        axes.axvline(1, color="black", linewidth=0.5, linestyle=":")
        axes.margins(x=0.15)
        figure.savefig(file, metadata={"Date": None})
        pyplot.close(figure)


def _colour(entry: Entry) -> str:
    if not entry["target"]:
        return UNASKED
    return REACHED if entry["ratio"] >= entry["target"] else MISSED


if __name__ == "__main__":
    draw(load())
