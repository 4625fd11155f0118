"""Running copies for the commands that are not pytest tests (`make race`, `make soak`)."""

from __future__ import annotations

import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path

import pytest

from tests.conftest import pytest_unconfigure  # first: it makes an environment of our own
from tests.services import Missing
from tests.services.session import Services
from tests.stack import Stack
from tests.stack.environment import embedded, everywhere, on_services
from tests.stack.fixtures import PAIRS

Drill = Callable[[str, Services, Path], int]
"""Breaks things on a copy of this pair, in this folder. Returns the number of faults found in the result."""


def on_pairs(pair: str | None, drill: Drill) -> int:
    """Hold the drill on the pair that is named, or on each whose services are there. Returns the sum of the faults."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # as after Ctrl-C nothing is left running
    with ExitStack() as closing:
        closing.callback(pytest_unconfigure)
        services = Services(closing)
        if pair:
            return _hold(pair, services, drill)
        return sum(_hold_if_there(one, services, drill) for one in PAIRS)


@contextmanager
def copy(pair: str, services: Services, folder: Path, **environment: str) -> Iterator[Stack]:
    """Start a copy on the services of this session, and close it at the end."""
    with nullcontext(embedded(folder)) if pair == "embedded" else on_services(services, "copy") as chosen:
        made = Stack(pair, everywhere(folder) | chosen | environment)
        try:
            made.start()
            yield made
        finally:
            made.close()


def _hold_if_there(pair: str, services: Services, drill: Drill) -> int:
    try:
        return _hold(pair, services, drill)
    except (pytest.skip.Exception, Missing) as missing:
        print(f"{pair}: {missing}", flush=True)
        return 0


def _hold(pair: str, services: Services, drill: Drill) -> int:
    """Hold the drill on one pair; the folder with the logs is kept if there was a fault."""
    folder, wrong = Path(tempfile.mkdtemp(prefix=f"orderwave-{pair}-")), -1
    try:
        wrong = drill(pair, services, folder)
    except pytest.fail.Exception as sentence:
        print(f"{pair}: {sentence}", flush=True)
        wrong = 1
    finally:
        if wrong:
            print(f"{pair}: the logs are in {folder}", flush=True)
        else:
            shutil.rmtree(folder)
    return wrong
