"""`stack`: a running copy for the tests of a module, on each pair; `fresh_stack`: one for this test alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from itertools import count

import pytest

from tests.services.session import Services
from tests.stack.environment import embedded, everywhere, on_services
from tests.stack.stack import Crews, Stack

PAIRS = ("embedded", "services")

_numbers = count(1)


@pytest.fixture
def stack(stack_of_module: Stack) -> Stack:
    """A running copy, shared with the other tests of the module: use your own SKUs and customers."""
    stack_of_module.heal()
    return stack_of_module


@pytest.fixture(scope="module", params=PAIRS)
def stack_of_module(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running(request, tmp_path_factory) as made:
        yield made


@pytest.fixture(params=PAIRS)
def fresh_stack(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A running copy for one test, which counts everything or breaks what cannot be repaired."""
    with running(request, tmp_path_factory) as made:
        yield made


@contextmanager
def running(
    request: pytest.FixtureRequest, folders: pytest.TempPathFactory, crews: Crews | None = None, **environment: str
) -> Iterator[Stack]:
    """Start a stack on the pair that the fixture's parameter names, and close it at the end."""
    folder, name = folders.mktemp("stack"), f"stack{next(_numbers)}"
    services: Services = request.getfixturevalue("services")
    pair = nullcontext(embedded(folder)) if request.param == "embedded" else on_services(services, name)
    with pair as chosen:
        made = Stack(request.param, everywhere(folder) | chosen | environment, crews)
        try:
            made.start()
            yield made
        finally:
            made.close()
