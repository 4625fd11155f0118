"""Clocks (celery beat) beside a stack, which by itself runs without any."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from deploy import processes
from tests.sandboxes import wait_until
from tests.stack import Handle, Stack

POKE = "Sending due task look at the clock"
TASK = "release_expired_reservations"
TICK = 60.0  # seconds between two slots of this task, see beat_schedule.py
LATE = 30.0  # seconds a clock that starts has to catch up with what it missed: it does so as soon as it runs


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


def pokes(clock: Handle) -> int:
    """How often it has asked to look at the clock."""
    return _said(clock).count(POKE)


def known(stack: Stack) -> bool:
    """Whether the clock has seen the task: from then on none of its slots is passed over."""
    return bool(stack.shelf.rows("SELECT slot FROM periodic_slots WHERE task = :task", task=TASK))


def begun(stack: Stack) -> list[str]:
    """The slots of the task that have begun, in their order."""
    rows = stack.shelf.rows(
        "SELECT slot FROM periodic_slots WHERE task = :task AND state <> 'noted' ORDER BY slot", task=TASK
    )
    return [str(row["slot"]) for row in rows]


def carried_out(stack: Stack) -> list[tuple[str, int]]:
    """Of each run of the task how it ended and how often it was tried, oldest first."""
    rows = stack.shelf.rows(
        "SELECT runs.state, journal.attempts FROM runs JOIN journal ON journal.run_id = runs.id"
        " WHERE runs.workflow = 'run_periodic_task' AND runs.subject_id = :task ORDER BY runs.created_at",
        task=TASK,
    )
    return [(str(row["state"]), int(row["attempts"])) for row in rows]


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
