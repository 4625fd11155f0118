"""Whoever adds a workflow is told what its drill lacks, and where to write it."""

from __future__ import annotations

import pytest

from tests.faults.workflow_starters import OPENERS, opener_of


def test_a_workflow_that_no_drill_starts_is_named_with_what_to_write_and_where() -> None:
    with pytest.raises(LookupError, match=r"onboard_supplier.*function.*tests/faults/workflow_starters\.py.*OPENERS"):
        opener_of("onboard_supplier")


@pytest.mark.parametrize("workflow", sorted(OPENERS))
def test_the_others_are_started(workflow: str) -> None:
    assert opener_of(workflow) is OPENERS[workflow]
