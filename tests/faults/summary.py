"""A summary of all drills at the end of pytest: the tally line of each, also of those that passed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.tally import FIRST_WORD


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    lines = [line for kind in ("passed", "failed") for line in _lines(terminalreporter, kind)]
    if lines:
        terminalreporter.section("drills")
        for line in lines:
            terminalreporter.write_line(line)


def _lines(reporter: pytest.TerminalReporter, kind: str) -> Iterator[str]:
    for report in reporter.stats.get(kind, []):
        for line in report.capstdout.splitlines():
            if report.when == "call" and line.startswith(FIRST_WORD):
                name = report.nodeid.removeprefix("tests/faults/")
                yield f"{kind} {report.duration:4.0f} s  {line}  {name}"
