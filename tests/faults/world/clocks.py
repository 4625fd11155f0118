"""Clocks (celery beat) beside a stack, which by itself runs without any."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from deploy import processes
from tests.stack import Handle, Stack
from tests.world import wait_until

SLOT = "Sending due task release expired reservations"
TICK = 60.0  # seconds between two such slots, see beat_schedule.py


@contextmanager
def clocks(stack: Stack, count: int) -> Iterator[list[Handle]]:
    """That know nothing of each other, as on two machines: each with a file of its own."""
    with ExitStack() as closing:
        made = [_clock(stack, f"clock-{number}") for number in range(count)]
        for clock in made:
            closing.callback(clock.kill9)
            clock.launch()
        wait_until(lambda: all("beat: Starting" in _said(clock) for clock in made), seconds=60, what="the clocks")
        yield made


def slots(clock: Handle) -> int:
    """How often it has called for reservations to be given back."""
    return _said(clock).count(SLOT)


def _clock(stack: Stack, name: str) -> Handle:
    process = processes.clock(stack.settings)
    theirs = process.argv[process.argv.index("-s") + 1]
    own = tuple(f"{theirs}-{name}" if word == theirs else word for word in process.argv)
    clock = Handle(stack.settings, replace(process, name=name, argv=own), stack.environment)
    for old in (clock.log, *stack.state_dir.glob(f"celerybeat-schedule-{name}*")):
        old.unlink(missing_ok=True)
    return clock


def _said(clock: Handle) -> str:
    return clock.log.read_text(errors="replace") if clock.log.exists() else ""
