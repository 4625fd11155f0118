"""Running copies for commands that are no pytest tests (`make race`, `make soak`)."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from pathlib import Path

import pytest

from tests.conftest import pytest_unconfigure  # first: it makes an environment of our own
from tests.services.session import Services
from tests.stack import Stack
from tests.stack.environment import embedded, everywhere, on_services
from tests.stack.fixtures import PAIRS

Drill = Callable[[Stack], int]
"""Breaks things on a running copy. Returns in how many ways somebody was treated wrongly."""


def on_pairs(pair: str | None, drill: Drill, **environment: str) -> int:
    """Hold the drill on the pair that is named, or on each whose services are here. Returns the sum."""
    with ExitStack() as closing:
        closing.callback(pytest_unconfigure)
        services = Services(closing)
        if pair:
            return _hold(pair, services, drill, environment)
        return sum(_hold_if_there(one, services, drill, environment) for one in PAIRS)


def _hold_if_there(pair: str, services: Services, drill: Drill, environment: dict[str, str]) -> int:
    try:
        return _hold(pair, services, drill, environment)
    except pytest.skip.Exception as missing:
        print(f"{pair}: {missing}", flush=True)
        return 0


def _hold(pair: str, services: Services, drill: Drill, environment: dict[str, str]) -> int:
    """The folder with the logs stays if anything was wrong."""
    folder = Path(tempfile.mkdtemp(prefix=f"orderwave-{pair}-"))
    wrong = -1
    try:
        with _world(pair, services, folder) as chosen:
            wrong = _run(Stack(pair, everywhere(folder) | chosen | environment), drill)
    finally:
        if wrong:
            print(f"{pair}: the logs are in {folder}", flush=True)
        else:
            shutil.rmtree(folder)
    return wrong


def _world(pair: str, services: Services, folder: Path) -> AbstractContextManager[dict[str, str]]:
    return nullcontext(embedded(folder)) if pair == "embedded" else on_services(services, "copy")


def _run(stack: Stack, drill: Drill) -> int:
    try:
        stack.start()
        return drill(stack)
    finally:
        stack.close()
