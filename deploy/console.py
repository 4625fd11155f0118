"""The console of a running copy: one short line for each thing that happened."""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress

COLOURS = {"green": "32", "red": "31", "yellow": "33", "blue": "34", "dim": "2", "bold": "1"}


def paint(text: str, colour: str) -> str:
    """Return the text in colour on a terminal that supports it and without NO_COLOR; plain elsewhere."""
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return text
    return f"\033[{COLOURS[colour]}m{text}\033[0m"


def tell(name: str, what: str, colour: str = "dim") -> None:
    """Print one line about the process `name`, with the time."""
    clock = paint(time.strftime("%H:%M:%S"), "dim")
    say(f"{clock}  {name:<22}{paint(what, colour)}")


def say(text: str) -> None:
    """Print, and ignore an OSError: a full disk or a closed terminal must not stop the supervisor."""
    with suppress(OSError):
        print(text, flush=True)
