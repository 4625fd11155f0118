"""Clocks (celery beat) for a stack, which runs without one by default."""

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
LATE = 30.0  # seconds in which a clock that starts must catch up with the slots it missed


@contextmanager
def clocks(stack: Stack, count: int) -> Iterator[list[Handle]]:
    """Start independent clocks, as on two machines, each with a schedule file of its own, and kill them at the end."""
    with ExitStack() as closing:
        made = [_clock(stack, f"clock-{number}") for number in range(count)]
        for clock in made:
            closing.callback(clock.kill9)
            clock.launch()
        wait_until(lambda: all("beat: Starting" in _said(clock) for clock in made), seconds=60, what="the clocks")
        yield made


def pokes(clock: Handle) -> int:
    """Return how many pokes this clock has sent."""
    return _said(clock).count(POKE)


def known(stack: Stack) -> bool:
    """Say whether the task has a slot in the database: from then on none of its slots is left out."""
    return bool(stack.shelf.rows("SELECT slot FROM periodic_slots WHERE task = :task", task=TASK))


def begun(stack: Stack) -> list[str]:
    """Return the slots of the task that have begun, in order."""
    rows = stack.shelf.rows(
        "SELECT slot FROM periodic_slots WHERE task = :task AND state <> 'noted' ORDER BY slot", task=TASK
    )
    return [str(row["slot"]) for row in rows]


def carried_out(stack: Stack) -> list[tuple[str, int]]:
    """Return state and number of attempts of each run of the task, oldest first."""
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
