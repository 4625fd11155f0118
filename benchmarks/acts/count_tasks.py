"""count_tasks APP: print how many messages the running Celery workers have received, by their own count."""

from __future__ import annotations

import json
import sys
from importlib import import_module


def main(module: str) -> int:
    answers = import_module(module).app.control.inspect(timeout=2).stats() or {}
    return sum(sum(node["total"].values()) for node in answers.values())


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1])))
