"""One stack on each pair for all drills of this folder, with a worker for every noun, so that one dies for one noun."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.crashes.cells import nouns, registered
from tests.faults.crashes.scene import Scene
from tests.stack import Stack
from tests.stack.fixtures import PAIRS, running


@pytest.fixture(scope="package", params=PAIRS)
def stack_of_module(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    crews = {noun: [noun] for workflow in registered() for noun in sorted(nouns(workflow))}
    with running(request, tmp_path_factory, crews, ACCESS_TOKEN_MINUTES="600") as made:
        yield made


@pytest.fixture(scope="package")
def scene_of_package(stack_of_module: Stack) -> Scene:
    return Scene(stack_of_module)


@pytest.fixture
def scene(scene_of_package: Scene) -> Scene:
    scene_of_package.reset()
    return scene_of_package
