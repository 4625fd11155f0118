"""Every operation of the document, as a customer and as an administrator. `make fuzz` sends more, none the same."""

from __future__ import annotations

import os
from typing import Any

import hypothesis
import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.core.failures import FailureGroup

from tests.api.bank import Bank
from tests.api.fuzz.sender import Sender

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "1"))  # of each operation, role, and kind
SEED = int(os.environ.get("FUZZ_SEED", "4"))

BOUNDED = settings(
    max_examples=EXAMPLES,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("role", ["customer", "admin"])
@pytest.mark.usefixtures("sent")
def test_p14_every_answer_is_as_the_document_says(app: Flask, bank: Bank, role: str) -> None:
    sender, wrong = Sender(app, role), []
    found = schemathesis.openapi.from_wsgi("/api/openapi.json", app).get_all_operations()
    operations = [each for each in (one.ok() for one in found) if each.path.startswith("/api/")]
    for operation in operations:
        if operation.method != "get":
            sender.begin()
        for mode in GenerationMode:
            wrong += _tried(sender, operation, mode)
    assert len(operations) >= 80
    assert sender.sent == {operation.label for operation in operations}
    assert not wrong, "\n\n".join(wrong)


def _tried(sender: Sender, operation: Any, mode: GenerationMode) -> list[str]:
    @seed(SEED)
    @BOUNDED
    @given(case=operation.as_strategy(generation_mode=mode), aimed=st.booleans())
    def send(case: Case, aimed: bool) -> None:
        sender.send(case, aimed=aimed)

    try:
        send()
    except hypothesis.errors.Unsatisfiable:
        pass  # nothing about it can be wrong: it takes no parameter and no body
    except FailureGroup as failures:
        return [f"{operation.label} ({mode.value}): {failure}" for failure in failures.exceptions]
    except hypothesis.errors.FlakyFailure as flaky:
        return [f"{operation.label} ({mode.value}): {failure}" for failure in flaky.exceptions]
    return []
