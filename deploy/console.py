"""What a person sees while a copy runs: one short line for each thing that happened."""

from __future__ import annotations

import os
import sys
import time

COLOURS = {"green": "32", "red": "31", "yellow": "33", "blue": "34", "dim": "2", "bold": "1"}


def paint(text: str, colour: str) -> str:
    """In colour on a terminal that wants it (NO_COLOR is honoured), plain elsewhere."""
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return text
    return f"\033[{COLOURS[colour]}m{text}\033[0m"


def tell(name: str, what: str, colour: str = "dim") -> None:
    clock = paint(time.strftime("%H:%M:%S"), "dim")
    print(f"{clock}  {name:<22}{paint(what, colour)}", flush=True)
